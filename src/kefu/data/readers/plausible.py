"""How plausible a decoding is: by the commonness of its characters."""

from __future__ import annotations

import re

#: Characters so frequent that a right decoding of ordinary Chinese is full of them (simplified, then traditional-only forms).
COMMON = frozenset(
    "的一是不了在人有我他这中大来上国个到说们为子和你地出道也时年得就那要下以生会自着去之过家学对可她里后小么心多天而能好都然没日于起还发成事只作当想看文无开手十用主行方又如前所本见经头面公同三已老从动两长知民样现分将外但身些与高意进把法此实回二理美点月明其种声全工己话儿者向情部正名定女问力机给等几很业最间新什打便位因重被走电四第门相次东政海口使教西再平真听世气信北少关并内加化由却代军产入先山五太水万市眼体别处总才场师书比住员九笑性通目华报立马命张活难神数件安表原车白应路期叫死常提感金何更反合放做系计或司利受光王果亲界及今京务制解各任至清物台象记边共风战干接它许八特觉望直服毛林题建南度统色字请交爱让认算论百吃义科怎元社术结六功指思非流每青管夫连远资队跟带花快条院变联言权往展该领传近留红治决周保达办运武半候七必城父强步完革深区即求品士转量空甚众技轻程告江语英基派满式李息写呢识极令黄德收脸钱党倒未持取设始版双历越史商千片容研像找友孩站广改议形委早房音火际则首单据导影失拿网香似斯专石若兵弟谁校读志飞观争究包组造落视济喜离虽坏兴您问题客户服务订单账号密码登录退款发票支付套餐企业价格升级取消联系查询银行"
    "這個來們為時會過後對發開經現長動樣將與還實進點問話員聽體處場書報難數從應車請讓認論義給結統網資隊帶條聯權領傳運達辦備區識極黨雙錢單導據設歷連學國電業機關東門見頭種當無買賣帳號碼錄費戶訂務"
    "，。？！、：；（）“”‘’《》—…￥"
)


_WESTERN = re.compile(r"(?<=[A-Za-z])[À-ÿ’](?=[A-Za-z]|\b)|[À-ÿ](?=[a-z])|[“”‘’–—…€£°®©™•«» ]")


def score(data: bytes, encoding: str) -> float:
    """Share of the non-ASCII characters that are common ones in the language of that encoding. 0..1"""
    text = data.decode(encoding, errors="replace")
    foreign = [char for char in text if not char.isascii()]
    if not foreign:
        return 0.0
    if encoding == "cp1252":
        return len(_WESTERN.findall(text)) / len(foreign) * 0.9
    return sum(char in COMMON for char in foreign) / len(foreign) - 3 * text.count("�") / len(foreign)
