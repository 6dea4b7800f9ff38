// Every word of the chat page, in Chinese and English.
export const WORDS = {
  zh: {
    switch: "EN", person: ["转人工", "人工"], cancel: ["取消转接", "取消"], back: ["结束人工", "结束"], fresh: "新对话", send: "发送", halt: "停止",
    placeholder: "请输入您的问题…", label: "您的问题", greeting: "您好，请问有什么可以帮您？",
    bot: "智能助手在线", waiting: "正在转接人工客服…", human: "人工客服为您服务", down: "连接已断开", loading: "助手正在启动…",
    foot: "回答来自公司知识库，重要事项请以人工客服答复为准。",
    tier: { rule: "规则", guard: "合规", faq: "知识库", document: "文档", model: "模型", person: "人工" },
    source: "依据", confidence: "把握", took: "用时", from: "来源", refused: "未作答", yes: "是", ignored: "未生效参数",
    good: "有帮助", bad: "没帮助", thanks: "感谢您的评价", log: "对话记录", retry: "重试", stopped: "已停止",
    operator: "人工客服", joined: "人工客服已接入", returned: "已回到智能助手", kept: "已送达，等待人工回复",
    keyTitle: "需要访问密钥", keyWhy: "这个服务需要 API 密钥。密钥只保存在本标签页中。", keyBad: "密钥不正确，请重新输入。", ok: "继续",
    offline: "连不上服务器，请检查网络后重试。", busy: (s) => `咨询人数较多，请在 ${s} 秒后重试。`, limit: (s) => `提问太频繁，请在 ${s} 秒后重试。`,
    slow: "这个问题回答超时了，请重试。", away: (s) => `助手暂时不可用，请在 ${s} 秒后重试。`, broken: "回答中断了，请重试。", records: "暂时无法转接，请稍后再试。", fault: "出错了，请重试。",
  },
  en: {
    switch: "中文", person: ["Talk to a person", "Person"], cancel: ["Stop waiting", "Cancel"], back: ["End with person", "End"], fresh: "New conversation", send: "Send", halt: "Stop",
    placeholder: "Ask a question…", label: "Your question", greeting: "Hello! How can I help you?",
    bot: "Assistant online", waiting: "Finding a person for you…", human: "You are talking to a person", down: "Disconnected", loading: "The assistant is starting…",
    foot: "Answers come from the company's knowledge base. For binding information, ask a person.",
    tier: { rule: "rule", guard: "compliance", faq: "knowledge base", document: "document", model: "model", person: "person" },
    source: "based on", confidence: "confidence", took: "took", from: "from", refused: "not answered", yes: "yes", ignored: "without effect",
    good: "Helpful", bad: "Not helpful", thanks: "Thank you for your rating", log: "Conversation", retry: "Try again", stopped: "stopped",
    operator: "Support", joined: "A person has joined", returned: "You are back with the assistant", kept: "Delivered, waiting for a person",
    keyTitle: "An access key is needed", keyWhy: "This service asks for an API key. It is kept in this tab only.", keyBad: "That key is not right. Try again.", ok: "Continue",
    offline: "The server cannot be reached. Check the connection and try again.", busy: (s) => `Many people are asking. Try again in ${s} s.`,
    limit: (s) => `Too many questions. Try again in ${s} s.`,
    slow: "This answer took too long. Try again.", away: (s) => `The assistant is not available. Try again in ${s} s.`, broken: "The answer broke off. Try again.", records: "No person can be reached just now. Try again later.", fault: "Something went wrong. Try again.",
  },
};

export function browserLanguage() {
  const kept = localStorage.getItem("kefu.language");
  if (kept in WORDS) return kept;
  return (navigator.language || "en").toLowerCase().startsWith("zh") ? "zh" : "en";
}
