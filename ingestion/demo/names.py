"""Names of people, by language: (language, country, time zone, given names, family names)."""

from __future__ import annotations

from typing import NamedTuple


class Naming(NamedTuple):
    language: str
    country: str
    time_zone: str
    given: tuple[str, ...]
    family: tuple[str, ...]


NAMINGS = (
    Naming(
        "es", "ES", "Europe/Madrid",
        ("Lucía", "Martín", "Begoña", "Íñigo", "Sofía", "Hugo", "Nerea", "Álvaro", "Ximena", "José María"),
        ("García Ibáñez", "Muñoz", "Fernández de la Peña", "Núñez", "Ortega Ruiz", "Peláez", "Güell", "Zubiría"),
    ),
    Naming(
        "ca", "ES", "Europe/Madrid",
        ("Núria", "Jordi", "Mercè", "Oriol", "Laia", "Pol", "Gemma", "Arnau"),
        ("Puig i Soler", "Ferrer", "Vallès", "Castellà", "Roca", "Domènech"),
    ),
    Naming(
        "de", "DE", "Europe/Berlin",
        ("Jürgen", "Heike", "Björn", "Lena", "Käthe", "Matthias", "Anneliese", "Jörg"),
        ("Müller", "Weiß", "Schäfer-Lang", "Groß", "Köhler", "von der Heide"),
    ),
    Naming(
        "pl", "PL", "Europe/Warsaw",
        ("Łukasz", "Małgorzata", "Wojciech", "Zofia", "Żaneta", "Michał"),
        ("Wiśniewski", "Dąbrowska", "Kowalczyk", "Zieliński", "Gołąb", "Szczęsny"),
    ),
    Naming(
        "ar", "MA", "Africa/Casablanca",
        ("فاطمة", "يوسف", "مريم", "عمر", "Amina", "Khalid"),
        ("العلوي", "بنسعيد", "الإدريسي", "Ben Haddou", "El Amrani", "التازي"),
    ),
    Naming(
        "zh_cn", "CN", "Asia/Shanghai",
        ("伟", "秀英", "思远", "丽华", "子轩", "雅婷"),
        ("王", "李", "欧阳", "陈", "赵", "黄"),
    ),
    Naming(
        "uk", "UA", "Europe/Kyiv",
        ("Оксана", "Тарас", "Соломія", "Андрій", "Ганна", "Євген"),
        ("Шевченко", "Коваленко", "Мар'яненко", "Їжакевич", "Ткаченко", "Бойко"),
    ),
    Naming(
        "en", "NG", "Africa/Lagos",
        ("Chinwe", "Oluwaseun", "Adaeze", "Emeka", "Ngozi", "Tunde"),
        ("Okafor", "Adébáyọ̀", "Nwosu", "Balogun", "Eze-Obi", "Lawal"),
    ),
    Naming(
        "en", "IE", "Europe/Dublin",
        ("Aoife", "Seán", "Niamh", "Ciarán", "Grace", "Róisín"),
        ("O'Brien", "Ní Dhomhnaill", "McCarthy", "O'Shaughnessy", "Byrne", "Walsh"),
    ),
    Naming(
        "vi", "VN", "Asia/Ho_Chi_Minh",
        ("Thị Hương", "Văn Đức", "Quỳnh Anh", "Minh Châu", "Hữu Phước", "Ngọc"),
        ("Nguyễn", "Trần", "Đặng", "Huỳnh", "Phạm", "Lê"),
    ),
)  # fmt: skip
