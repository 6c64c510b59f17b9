# ruff: noqa: E501 (a line a language)
"""Names of many languages for the demo: as people write them, and as their email addresses spell them."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Names:
    """First and last names of a language; ``share`` is how often it is met, in a harbour town in Canada."""

    language: str
    share: int
    first: tuple[tuple[str, str], ...]
    last: tuple[tuple[str, str], ...]


def _names(text: str) -> tuple[tuple[str, str], ...]:
    """``Zoé/zoe`` is a name and its spelling in addresses; a name alone is spelled as it is, in lower case."""
    pairs = (name.partition("/") for name in text.split())
    return tuple((shown.replace("_", " "), spelled or shown.lower()) for shown, _slash, spelled in pairs)


NAMES = (
    Names(
        "en", 34,
        _names("Grace Liam Amelia Owen Charlotte Noah Ruth Hector Fiona Desmond Ivy Callum Harriet Ewan Pearl Silas"),
        _names("MacNeil Whitfield Fraser Boutilier Chisholm Hartley O’Leary/oleary Penney Rafuse Sinclair Zinck Langille Comeau"),
    ),
    Names(
        "fr", 18,
        _names("Zoé/zoe Étienne/etienne Maëlle/maelle Benoît/benoit Noémie/noemie Rémi/remi Hélène/helene Gaétan/gaetan Océane/oceane Luc Anaïs/anais Thérèse/therese"),
        _names("Gagné/gagne LeBlanc Côté/cote Thériault/theriault Lévesque/levesque Doucet Arsenault Béliveau/beliveau D’Entremont/dentremont Fortin Pelletier"),
    ),
    Names(
        "mic", 2, _names("Nukumij/nukumij Muin Kluskap Mali Sapatis Plamu"), _names("Paul Denny Googoo Marshall Sylliboy Prosper"),
    ),
    Names(
        "es", 5, _names("Lucía/lucia José/jose Ximena Álvaro/alvaro Inés/ines Martín/martin"),
        _names("Núñez/nunez García_Márquez/garcia-marquez Ibáñez/ibanez Peña/pena Soto Velázquez/velazquez"),
    ),
    Names(
        "pt", 4, _names("João/joao Conceição/conceicao Tomás/tomas Beatriz Gonçalo/goncalo"),
        _names("Simões/simoes Araújo/araujo Magalhães/magalhaes Brandão/brandao Lopes"),
    ),
    Names(
        "de", 4, _names("Jürgen/juergen Käthe/kaethe Sönke/soenke Annelie Björn/bjoern"),
        _names("Groß/gross Müller/mueller Böttcher/boettcher Jäger/jaeger Weiß/weiss"),
    ),
    Names(
        "pl", 3, _names("Łukasz/lukasz Małgorzata/malgorzata Zofia Paweł/pawel"),
        _names("Wiśniewska/wisniewska Żak/zak Dąbrowski/dabrowski Kowalczyk"),
    ),
    Names(
        "is", 1, _names("Þórdís/thordis Sigurður/sigurdur Ásta/asta"), _names("Jónsdóttir/jonsdottir Þorsteinsson/thorsteinsson"),
    ),
    Names(
        "tr", 2, _names("İrem/irem Çağlar/caglar Gülşen/gulsen Ömer/omer"), _names("Yıldız/yildiz Şahin/sahin Öztürk/ozturk"),
    ),
    Names(
        "vi", 3, _names("Thị_Hương/huong Văn_Đức/duc Ngọc_Ánh/anh Quốc_Bảo/bao"), _names("Nguyễn/nguyen Trần/tran Phạm/pham Đặng/dang"),
    ),
    Names(
        "yo", 3, _names("Adébáyọ̀/adebayo Ọlábísí/olabisi Fọlákẹ́/folake Chinedu Ngozi"), _names("Okafor Adéyẹmí/adeyemi Ọ̀ṣúndáre/osundare Eze"),
    ),
    Names(
        "uk", 3, _names("Олена/olena Андрій/andrii Соломія/solomiia Юрій/yurii"), _names("Шевчук/shevchuk Коваленко/kovalenko Бойко/boiko"),
    ),
    Names(
        "el", 2, _names("Ελένη/eleni Γιώργος/giorgos Δέσποινα/despina"), _names("Παπαδάκη/papadaki Νικολάου/nikolaou Βλάχος/vlachos"),
    ),
    Names(
        "ar", 5, _names("ليلى/layla عمر/omar زينب/zainab يوسف/yousef مريم/maryam"), _names("حدّاد/haddad الخوري/khoury منصور/mansour النجار/najjar"),
    ),
    Names(
        "he", 1, _names("נועה/noa איתן/eitan תמר/tamar"), _names("לוי/levi אברהמי/avrahami"),
    ),
    Names(
        "hi", 4, _names("प्रिया/priya अर्जुन/arjun सुनीता/sunita विक्रम/vikram"), _names("शर्मा/sharma पटेल/patel चौधरी/chaudhary"),
    ),
    Names(
        "zh", 6, _names("美玲/meiling 建国/jianguo 小雨/xiaoyu 志强/zhiqiang 雪/xue"), _names("王/wang 陈/chen 欧阳/ouyang 林/lin"),
    ),
    Names(
        "ja", 2, _names("さくら/sakura 健太/kenta 美咲/misaki"), _names("佐藤/sato 渡辺/watanabe 髙橋/takahashi"),
    ),
    Names(
        "ko", 2, _names("서연/seoyeon 민준/minjun 지우/jiwoo"), _names("김/kim 박/park 최/choi"),
    ),
)  # fmt: skip

LANGUAGES = [names for names in NAMES for _times in range(names.share)]
