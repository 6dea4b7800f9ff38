"""Addresses in Latin letters: house number and street, boxes, units, town, state and postcode."""

from __future__ import annotations

import re
from collections.abc import Iterator

from kefu.text.privacy.gates import gated

_ANY_DIGIT, _ANY_LATIN = re.compile(r"\d"), re.compile(r"[A-Za-z]{2}")
_L = r"A-Za-z\u00c0-\u024f"
_U = r"A-Z\u00c0-\u00d6\u00d8-\u00de\u0100-\u017e"
_SUFFIX = (
    r"(?:Street|St|Avenue|Ave|Av|Road|Rd|Boulevard|Blvd|Lane|Ln|Drive|Dr|Court|Ct|Place|Pl|Square|Sq|Terrace|Ter|Way|Parkway|Pkwy|Highway|Hwy|Crescent|Cres|Close|Circle|Cir|Trail|Trl|Row|Mews|Gardens|Gdns|Grove|Hill|"
    r"Loop|Plaza|Alley|Turnpike|Pike|Expressway|Walk|Wharf|Quay|Broadway|Esplanade|Parade|Rise|Run|Path|Ridge|Heights|Green|Park|View|Vista|Commons|Crossing|Station|Freeway|Isle|Junction|Manor|Meadow|Mount|Point|Spur|Track|Fort|Viaduct|Ville)"
)
_FULL_SUFFIX = (
    r"(?:street|avenue|road|boulevard|lane|drive|court|place|square|terrace|parkway|highway|crescent|close|circle|mews|gardens|st|ave|rd|blvd|ln|way)"
)
#: Further suffixes of USPS Publication 28, which are words as well: with a long house number, or a unit, town or code behind them.
_RARE_SUFFIX = (
    r"(?:Arcade|Bayou|Beach|Bend|Bluffs?|Bottom|Branch|Bridge|Brooks?|Burgs?|Bypass|Camp|Canyon|Cape|Causeway|Centers?|Cliffs?|Courts|Coves?|Creek|Crest|Crossroads?|Curve|Dale|Dam|Falls?|Ferry|Flats?|"
    r"Fords?|Forest|Forges?|Forks?|Garden|Gateway|Glens?|Greens|Groves|Harbors?|Haven|Hills|Hollow|Inlet|Islands?|Junctions|Knolls?|Lakes?|Landing|Lodge|Mall|Manors|Meadows|Mills?|Motorway|Mountains?|Orchard|Oval|Overpass|Parks|"
    r"Parkways|Passage|Pines?|Plains?|Prairie|Radial|Ramp|Ranch|Ridges|River|Roads|Route|Shoals?|Shores?|Skyway|Springs?|Spurs|Squares|Stravenue|Streets|Summit|Throughway|Trafficway|Tunnel|Underpass|Valleys?|Villages?|Ville|Walks|Wells?)"
)
_WORDY_SUFFIX = r"(?:Points?|Keys?|Lights?|Pass|Club|Course|Land|Rest|Stream|Views?|Via|Walls?|Ports?|Mission|Fields?|Rapids?|Trace|Divide|Locks?|Loaf|Neck|Common|Corners?|Estates?|Unions?|Extensions?|Ways)"
_STATES = (
    r"(?:A[AEKLPRZ]|C[AOT]|D[CE]|FL|G[AU]|HI|I[ADLN]|K[SY]|LA|M[ADEHINOST]|N[CDEHJMVY]|O[HKR]|P[AR]|RI|S[CD]|T[NX]|UT|V[AIT]|W[AIVY]|"
    r"Alabama|Alaska|Arizona|Arkansas|California|Colorado|Connecticut|Delaware|Florida|Georgia|Hawaii|Idaho|Illinois|Indiana|Iowa|Kansas|Kentucky|Louisiana|Maine|Maryland|Massachusetts|Michigan|Minnesota|Mississippi|"
    r"Missouri|Montana|Nebraska|Nevada|New Hampshire|New Jersey|New Mexico|New York|North Carolina|North Dakota|Ohio|Oklahoma|Oregon|Pennsylvania|Rhode Island|South Carolina|South Dakota|Tennessee|Texas|Utah|Vermont|"
    r"Virginia|Washington|West Virginia|Wisconsin|Wyoming|NSW|VIC|QLD|TAS|ACT|ON|QC|BC|AB|MB|SK|NS|NB)"
)
_POSTCODE = r"(?:[A-Z]{1,2}\d[A-Z\d]? ?\d[A-Z]{2})"
_UNIT_WORD = r"(?:Room|Rm|Building|Bldg|Block|Blk|Apt|Apartment|Flat|Unit|Suite|Ste|Floor|Fl|Level|Lot|Tower|House|Penthouse|PH)"
_UNIT = rf"(?:(?i:{_UNIT_WORD})\.? ?#?[A-Za-z]?-?\d[\w-]{{0,6}}|(?i:{_UNIT_WORD})\.? [A-Z]\b|# ?[A-Za-z]?\d[\w-]{{0,6}}|\d{{1,3}}(?:st|nd|rd|th) (?i:floor))"
_WORD = rf"(?:[{_U}][{_L}'’.-]{{0,24}}|\d{{1,3}}(?:st|nd|rd|th)|(?:de|la|le|los|las|del|van|of|the))"
_TOWN_WORD = rf"(?![A-Z]{{2,3}}\b|{_POSTCODE})[{_U}][{_L}'’.-]{{1,24}}"
_TOWN_NAME = rf"{_TOWN_WORD}(?: {_TOWN_WORD}){{0,3}}"
_STATE_ZIP = rf"(?:,?[ \n]{{1,2}}(?:NSW|VIC|QLD|TAS|ACT|SA|WA|NT) \d{{4}}(?!\d)|,?[ \n]{{1,2}}(?:(?:{_STATES}),? )?[A-Z]\d[A-Z] ?\d[A-Z]\d(?![A-Za-z0-9])|,?[ \n]{{1,2}}(?:{_STATES})\b\.?(?:,?[ \n]{{1,2}}\d{{5}}(?:-\d{{4}})?)?|,?[ \n]{{1,2}}\d{{5}}(?:-\d{{4}})?(?![\d-])|,?[ \n]{{1,2}}{_POSTCODE}(?![A-Za-z0-9]))"
_EIRCODE = r"(?:,?[ \n]{1,2}[AC-FHKNPRTV-Y]\d[\dW] ?[A-Z0-9]{4}(?![A-Za-z0-9]))"
_COUNTRY = r"(?:,? (?:USA|U\.S\.A\.|United States(?: of America)?|UK|United Kingdom|England|Scotland|Wales|Canada|Australia|Ireland|New Zealand|China|Singapore)\b)?"
_REST = rf"(?:,?[ \n]{{1,2}}{_UNIT}){{0,3}}(?:(?:,[ \n]{{0,2}}|\n){_TOWN_NAME}(?: \d{{1,2}}W?(?=,))?){{0,3}}(?: {_TOWN_NAME}(?={_STATE_ZIP}))?(?:{_STATE_ZIP}|{_EIRCODE})?{_COUNTRY}"
_NUMBER = r"(?:(?:No\.? ?)?\d{1,5}[A-Za-z]?(?:[-/]\d{1,4}[A-Za-z]?)?(?: ½)?)"
_DIRECTION = r"(?:(?:[NSEW]|NE|NW|SE|SW|North|South|East|West)\.? )?"
_STREET = gated(
    re.compile(
        rf"(?<![{_L}\d.,/#$€£-])(?:{_UNIT},?[ \n]{{1,2}}){{0,3}}{_NUMBER},? {_DIRECTION}(?:{_WORD} ){{1,4}}{_SUFFIX}\b\.?(?: (?:[NSEW]|NE|NW|SE|SW|North|South|East|West)\b\.?)?{_REST}"
    )
)
_RARE_STREET = gated(
    re.compile(
        rf"(?<![{_L}\d.,/#$€£-])(?:\d{{3,5}}[A-Za-z]? {_DIRECTION}(?:{_WORD} ){{1,3}}{_RARE_SUFFIX}\b{_REST}|\d{{1,5}} (?:{_WORD} ){{1,3}}(?:{_RARE_SUFFIX}|{_WORDY_SUFFIX})\b(?=,?[ \n]{{1,2}}{_UNIT}|{_STATE_ZIP}|, {_TOWN_NAME}{_STATE_ZIP}){_REST})"
    )
)
#: Number and street of any country, told by the flat behind them: `28 Kirkegata 5 Apt. 12`, with the lines of town, land and code below.
_FLAT = r"(?:Apt|Apartment|Suite|Ste|Flat|Unit)\.? ?#?\d{1,5}[A-Za-z]?\b"
_BY_FLAT = gated(
    re.compile(
        rf"(?<![{_L}\d.,/#$€£-])\d{{1,5}},?(?: (?:[{_L}][{_L}'’.-]{{0,24}}|\d{{1,5}}(?:st|nd|rd|th|[A-Za-z])?\.?)){{1,7}}?,?(?: |\r?\n[^\w\n]{{0,8}}){_FLAT}"
        rf"(?:,? {_TOWN_WORD}(?: {_TOWN_WORD})?(?=,? [A-Z]{{2}}\b|\s*$|\s*\n)|(?:, ?|\s*\n[^\w]{{0,10}})[{_U}][{_L}()'’. -]{{1,30}}(?=\s*\n|,|$| \d)){{0,4}}(?:[^\w.]{{1,10}}(?:[A-Z]{{2}}\b)?[^\w.]{{0,10}}\d{{4,6}}(?!\d))?"
        rf"|(?<![{_L}\d]){_FLAT},? \d{{1,5}} (?:[{_L}][{_L}'’.-]{{0,24}} ){{1,4}}\d{{1,5}}[A-Za-z]?(?![\w])"
    )
)
#: A street and its number where the text says that somebody lives, meets or gets parcels there.
_AT_NUMBER = re.compile(
    rf"(?:\d{{1,5}},? )?(?:[{_U}{_L}\u0370-\u03ff\u0400-\u04ff][\w'’.-]{{1,24}} ){{1,4}}\d{{1,5}}[A-Za-z]?(?![\w%]| (?:minutes?|hours?|days?|weeks?|months?|years?|times?|am|pm|o'clock)\b)"
)
_CORNER = re.compile(rf"\bthe corner of (?:[\w.'’-]+ ){{1,5}}and [{_U}\d][\w.'’-]*(?: [{_U}\d][\w.'’-]*){{0,3}}")
_ALONE_POSTCODE = gated(
    re.compile(
        rf"(?:post ?codes?(?: is)?|zip|(?:live|living|based|deliver|delivered|deliveries|ship|shipping|send) (?:in|at|to)|address(?: is)?)[ :]{{1,3}}(?P<v>{_POSTCODE})(?![A-Za-z0-9])",
        re.IGNORECASE,
    )
)
_NAMED_STREET = gated(
    re.compile(
        rf"(?<![{_L}\d.,/#$€£-])(?:{_UNIT},? ){{0,2}}{_NUMBER} {_DIRECTION}(?:Broadway|(?:Avenue|Ave\.?|Highway|Hwy|Route|Rte|State Route|County Road|US-?|Interstate|I-)\s?(?:\d{{1,4}}|[A-Z])|Park Lane|The (?:Avenue|Street|Close|Green|Drive|Lane|Crescent)|(?:Calle|Avenida|Rua|Rue|Via|Camino|Paseo) (?:{_WORD} ?){{1,4}})\b{_REST}"
    )
)
_LOWER = gated(
    re.compile(
        rf"(?<![{_L}\d.,/#$€£-]){_NUMBER} (?:[{_L}'.]{{2,20}} ){{1,3}}{_FULL_SUFFIX}\b\.?(?:,? (?:apt|apartment|suite|unit|flat|floor)\.? ?#?[\w-]{{1,6}})?(?:,? [{_L}]{{3,20}}(?: [{_L}]{{3,20}})?(?:,? [a-z]{{2}})? \d{{5}}(?:-\d{{4}})?)?",
        re.IGNORECASE,
    )
)
_LOWER_TOLD = re.compile(
    r"(?:address|live[sd]? (?:at|on|in)|living (?:at|on)|ship(?:ped|ping)? (?:it |this |them )?to|deliver(?:ed|y)? (?:it |this )?to|send (?:it |this |them )?to|sent to|located at|moved? to|resid(?:e|es|ing) at|house (?:at|is)|mail(?:ed)? to|pick ?up (?:at|from)|come to|home is|we're at|i'm at|i am at|based at|meet (?:me |you )?at)\b[^.;!?\n]{0,24}$",
    re.IGNORECASE,
)
_LOWER_TOLD_AT = gated(
    re.compile(
        r"(?i:(?:address(?: is|:)?|lives?(?: at| on)?|lived (?:at|on|in)|living (?:at|on)|located (?:at|on|in)|ship(?:ped)? (?:it |this )?to|deliver(?:ed)? (?:it )?to|send (?:it |this )?to|sent to|moved? to|resid(?:es?|ing) (?:at|on)|"
        r"(?:office|restaurant|station|house|home|shop|flat|store) is (?:at|on|in)|drops you off at|meet (?:me|you) at|pick(?:ed)? up (?:at|from)|return (?:it )?to|stop at|bill to))\s{1,8}(?=[A-Z\d\u00c0-\u04ff])"
    )
)
#: A street without a word for it (Deansgate, Broadway Market) between its number and a town with its code.
_BY_CODE = re.compile(
    rf"(?<![{_L}\d.,/#$€£-])(?:{_UNIT},?[ \n]{{1,2}}){{0,2}}{_NUMBER},? (?:[{_U}][{_L}'’.-]{{1,24}} ?){{1,4}},?[ \n]{{1,2}}(?:{_TOWN_NAME},?[ \n]{{1,2}}){{0,3}}(?:{_POSTCODE}|(?:{_STATES}),? \d{{5}}(?:-\d{{4}})?)(?![A-Za-z0-9])"
)
_WORD_NUMBER = re.compile(r"[^\W\d]\.? \d{1,5}(?![\w%)])")
_CODE = re.compile(_POSTCODE)
_STATE_CODE = re.compile(r"[A-Z]{2},? \d{5}(?!\d)")
_FLAT_SIGN = gated(re.compile(r"(?:Apt|Apartment|Suite|Ste|Flat|Unit)\.? ?#?\d"))
_BOX = gated(
    re.compile(rf"(?<![A-Za-z])(?:P\.? ?O\.? ?Box|Post Office Box|PO Box|Postfach|GPO Box|Locked Bag) ?#?\d{{1,6}}[A-Za-z]?{_REST}", re.IGNORECASE)
)
_MILITARY = gated(
    re.compile(
        r"(?<![A-Za-z])(?:(?:PSC|CMR|Unit|psc|unit|USNS|USS|USNV|USCGC)\s[\w ]{1,20}(?:,? (?:Box|box) \d{1,5})?[,\s]\s?(?:APO|FPO|DPO|apo|fpo|dpo) (?:A[AEP]|a[aep]) \d{5}(?:-\d{4})?)"
    )
)
_TOWN_ZIP = gated(re.compile(rf"(?<![{_L}])[{_U}][a-z]{{2,20}}(?: [{_U}][a-z]{{2,20}}){{0,2}},? (?:{_STATES}),? \d{{5}}(?:-\d{{4}})?(?![\d-])"))
_CHINA = gated(
    re.compile(
        rf"(?<![{_L}\d])(?:(?:Room|Rm|Unit|Apt|Flat|Suite|Building|Bldg|Block|Floor|No)\.? ?[A-Za-z]?\d[\w-]{{0,6}},? |\d{{1,3}}/F,? |Tower [A-Z\d],? |Lane \d{{1,4}},? ){{1,5}}(?:[{_U}][{_L}]{{1,20}} ){{1,4}}(?:Road|Rd|Street|St|Avenue|Ave|Lane|District|Garden|Mansion|Plaza|Building|Centre|Center)\b(?:,? (?:[{_U}][{_L}]{{1,20}})(?: [{_U}][{_L}]{{1,20}}){{0,2}}){{0,5}}(?:,? \d{{6}})?"
    )
)
_FOREIGN = gated(
    re.compile(
        rf"(?<![{_L}])(?:(?:Rua|Rue|Via|Viale|Calle|C/|Avenida|Avinguda|Av\.|Avenue|Boulevard|Piazza|Piazzetta|Plaza|Corso|Largo|Paseo|Carrer|Travessa|Praça|Praca|Estrada|ul\.|ulica|al\.|os\.|pl\.|Vicolo|Contrada|Strada|Chemin|Place|Allée|Quai|Ruelle|Camino|Ronda|Strada|Str\.|Bd\.|Rúa)"
        rf" (?:[{_L}\d'’.-]{{1,20}} ){{0,4}}[{_L}'’.-]{{1,24}},? (?:n[º°.] ?)?\d{{1,5}}[A-Za-z]?(?:[-/]\d{{1,4}}[A-Za-z]?)?(?!\d)"
        rf"|\d{{1,5}}(?: ?bis| ?ter)?,? (?:rue|avenue|boulevard|place|chemin|allée|quai|impasse|route|cours) (?:[{_L}'’.-]{{1,24}} ?){{1,5}}"
        rf"|(?:[{_U}][{_L}'’.-]{{1,24}} ){{0,3}}[{_U}][{_L}'’-]{{1,24}}(?:straße|strasse|str\.|gasse|weg|allee|platz|gatan|vägen|gata|vej|veien|vegen|gade|laan|straat|plein|gracht|singel|kade|dreef|steenweg|katu|polku|kuja|stien|svingen|bakken|stræde|allé|väg|gränd|stigen|ufer|damm)"
        rf" \d{{1,5}}(?: ?[A-Za-z](?![A-Za-z]))?(?!\d)"
        rf"|(?:[{_U}][{_L}'’.-]{{1,24}} ){{1,4}}(?:utca|út|u\.|útja|tér|rkp\.|krt\.|sugárút|sokak|caddesi|bulvarı|sk\.|cad\.|ulice|třída|náměstí|tee|tänav|gatvė|g\.|iela)(?: ?no:?)? ?\d{{1,5}}\.?[A-Za-z]?(?!\d))(?:,? (?:Apt|Suite|Apartment)\.? ?\w{{1,6}})?(?:, \d{{4,5}} [{_U}][{_L}'’-]{{1,24}})?"
    )
)
# What `_STREET` and `_RARE_STREET`, `_LOWER` and `_TOWN_ZIP` hold, beginning with a digit or a blank: quickly found not to be there.
_HOUSE_NUMBER = r"\d(?<!\d\d)\d{0,4}[A-Za-z]?(?:[-/]\d{1,4}[A-Za-z]?)?(?: ½)?"
_NUMBERED = re.compile(rf"{_HOUSE_NUMBER},? {_DIRECTION}{_WORD} ")
_NUMBERED_LOWER = re.compile(rf"{_HOUSE_NUMBER} [{_L}'.]{{2,20}} ", re.IGNORECASE)
_FIVE = re.compile(r" \d{5}")
_NOT_STREET = re.compile(
    r"(?i)^\d{1,5}[a-z]? (?:(?:minutes?|hours?|days?|weeks?|months?|years?|people|items?|times?|dollars?|usd|percent|million|thousand|star|way|x|am|pm|the|of|in|on|and|or|to)\b)"
)


def find(text: str, bits: int) -> Iterator[tuple[int, int]]:
    """(start, end) of addresses in Latin letters. bits: of `gates.GATES` for the text."""
    if not _ANY_DIGIT.search(text) or not _ANY_LATIN.search(text):
        return
    if "PO " in text or "po " in text:
        for match in _MILITARY.found(bits, text):
            yield match.span()
    flat = _FLAT_SIGN.open(bits) and _FLAT_SIGN.search(text)
    streets = (_CHINA, _STREET, _NAMED_STREET, _RARE_STREET) if _NUMBERED.search(text) else (_CHINA, _NAMED_STREET)
    for gate in (_BY_FLAT, *streets) if flat else streets:
        for match in gate.found(bits, text):
            if not _NOT_STREET.match(match.group()):
                yield match.start(), _end(match)
    for match in _BOX.found(bits, text):
        yield match.start(), _end(match)
    for match in _LOWER.found(bits, text) if _NUMBERED_LOWER.search(text) else ():
        if not _NOT_STREET.match(match.group()) and (
            _LOWER_TOLD.search(text, max(0, match.start() - 60), match.start()) or re.search(r"\d{5}$", match.group())
        ):
            yield match.start(), _end(match)
    for match in _LOWER_TOLD_AT.finditer(text) if _LOWER_TOLD_AT.open(bits) and _WORD_NUMBER.search(text) else ():
        if (found := _AT_NUMBER.match(text, match.end())) and not _NOT_STREET.match(found.group()):
            yield found.start(), _end(found)
    if _CODE.search(text) or _STATE_CODE.search(text):
        for match in _BY_CODE.finditer(text):
            yield match.start(), _end(match)
    if _ALONE_POSTCODE.open(bits) and _CODE.search(text):
        for match in _ALONE_POSTCODE.finditer(text):
            if match["v"] == match["v"].upper():
                yield match.span("v")
    if "the corner of " in text:
        for match in _CORNER.finditer(text):
            yield match.start(), match.end()
    for gate in (_TOWN_ZIP, _FOREIGN) if _FIVE.search(text) else (_FOREIGN,):
        for match in gate.found(bits, text):
            yield match.start(), _end(match)


def _end(match: re.Match[str]) -> int:
    return match.start() + len(match.group().rstrip(" .,\n"))
