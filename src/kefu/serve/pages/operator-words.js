// Every word of the operators' page, in Chinese and English.
export const WORDS = {
  zh: {
    switch: "EN", title: "人工坐席", none: "现在没有客户在等待。", choose: "从左侧选择一个会话。", waiting: "等待中", human: (who) => `${who} 处理中`,
    take: "接入", release: "交还助手", send: "发送", write: "输入回复，Enter 发送，Shift+Enter 换行", label: "回复内容", turns: (n) => `${n} 条消息`,
    who: "请填写您的称呼", why: "同事之间用它区分谁在处理会话。", name: "称呼", key: "坐席密钥", keyBad: "密钥不正确，或本服务未配置坐席密钥（KEFU_OPERATOR_KEYS）。", ok: "进入",
    customer: "客户", agent: "助手", operator: "人工", system: "系统", tool: "工具", offline: "连不上服务器，正在重试…",
    taken: "这个会话已经不在等待了。", notYours: "这个会话不在您手中。", force: "这个会话由另一位同事处理。仍要交还给助手吗？", gone: "已结束", minutes: (n) => (n < 1 ? "刚刚" : `${n} 分钟`),
    away: "记录数据库暂时不可用，正在重试…", masked: "个人信息已打码", back: "返回列表",
    reasons: {
      customer: "客户点了转人工", person: "客户要求人工", complaint: "投诉", anger: "客户情绪激动", dispute: "对处理结果有异议", legal: "涉及法律", security: "账号安全",
      privacy: "个人信息", safety: "人身安全", repeated: "多次未解决", blocked: "回答被合规规则拦下", compliance: "合规", illegal: "涉嫌违法", injection: "试图绕过规则", dissatisfied: "对回答不满意",
    },
  },
  en: {
    switch: "中文", title: "Operators", none: "Nobody is waiting.", choose: "Choose a conversation on the left.", waiting: "waiting", human: (who) => `with ${who}`,
    take: "Take", release: "Give back", send: "Send", write: "Write a reply. Enter sends, Shift+Enter breaks the line", label: "Reply", turns: (n) => `${n} messages`,
    who: "What are you called?", why: "Colleagues see by it who holds a conversation.", name: "Name", key: "Operator key", keyBad: "That key is not right, or this server has no operator keys (KEFU_OPERATOR_KEYS).", ok: "Enter",
    customer: "Customer", agent: "Assistant", operator: "Person", system: "System", tool: "Tool", offline: "The server cannot be reached; trying again…",
    taken: "This conversation is not waiting any more.", notYours: "This conversation is not in your hands.", force: "Another operator holds this conversation. Give it back to the assistant anyway?", gone: "closed", minutes: (n) => (n < 1 ? "just now" : `${n} min`),
    away: "The records database does not answer; trying again…", masked: "personal data is masked", back: "Back to the list",
    reasons: {
      customer: "pressed the button for a person", person: "asked for a person", complaint: "complaint", anger: "angry", dispute: "disputes the outcome", legal: "legal matter",
      security: "account security", privacy: "personal data", safety: "somebody may be in danger", repeated: "several tries without an answer", blocked: "answer stopped by a compliance rule",
      compliance: "compliance", illegal: "may be illegal", injection: "tries to get round the rules", dissatisfied: "not satisfied with the answer",
    },
  },
};
