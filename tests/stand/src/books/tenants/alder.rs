//! Alder & Sons: a bakery with three shops, and the household of its owner.

use super::{AccountBooks, Party, Standing, Stream, TenantBooks, Writer, iban, monthly, months};

pub(super) fn books() -> TenantBooks {
    TenantBooks {
        slug: "alder",
        name: "Alder & Sons Bakery",
        accounts: vec![bakery(), household()],
    }
}

const BAKERY_ORDERS: [Standing; 11] = [
    monthly(
        1,
        -268_000,
        "Marktplatz Verwaltung KG",
        "Rent {month} shop and bakehouse",
    ),
    monthly(
        1,
        -119_000,
        "Erbengemeinschaft Thoma",
        "Rent {month} shop Bahnhofstraße",
    ),
    Standing {
        day: 6,
        every: 1,
        low: -184_000,
        high: -121_000,
        party: "Stadtwerke Lindental",
        text: "Electricity and gas {month}",
    },
    Standing {
        day: 7,
        every: 2,
        low: -31_500,
        high: -22_000,
        party: "Wasserverband Tal",
        text: "Water and sewage to {month}",
    },
    monthly(9, -8_950, "Talnetz", "Broadband and mobile plan {month}"),
    Standing {
        day: 10,
        every: 3,
        low: -612_000,
        high: -438_000,
        party: "Finanzamt Lindental",
        text: "VAT, quarter to {month}",
    },
    Standing {
        day: 12,
        every: 6,
        low: -96_400,
        high: -96_400,
        party: "Gilde Versicherung",
        text: "Insurance of shops, half year",
    },
    monthly(20, -6_900, "Kassenwerk", "Subscription till system {month}"),
    monthly(28, -310_000, "Otto Alder", "Drawings {month}"),
    monthly(
        29,
        -194_600,
        "Handwerker Krankenkasse",
        "Social insurance {month}",
    ),
    monthly(30, -2_980, "Sparbank Lindental", "Account fee {month}"),
];

const BAKERY_SUPPLIERS: Stream = Stream {
    count: (13, 17),
    weekends: false,
    parties: &[
        Party(
            "Obermühle Mehl & Korn",
            -168_000,
            -52_000,
            "Purchase order {number} flour",
        ),
        Party(
            "Molkerei Wiesengrund",
            -74_000,
            -21_000,
            "Purchase order {number} butter and milk",
        ),
        Party("Eierhof Sommer", -28_000, -9_500, "Purchase order {number}"),
        Party(
            "Hefe Union",
            -16_000,
            -5_200,
            "Purchase order {number} yeast",
        ),
        Party(
            "Zuckerkontor Süd",
            -42_000,
            -14_000,
            "Purchase order {number}",
        ),
        Party(
            "Ofenbau Kessler",
            -118_000,
            -24_000,
            "Repair of oven 2, job {number}",
        ),
        Party(
            "Tüten-Huber",
            -31_000,
            -8_000,
            "Purchase order {number} bags",
        ),
        Party("Lindentaler Bote", -19_500, -9_000, "Advertising {month}"),
    ],
};

fn bakery() -> AccountBooks {
    let mut writer = Writer::new(21);
    writer.year(&BAKERY_ORDERS, &[BAKERY_SUPPLIERS]);
    for month in months() {
        for number in 1..=month.days() {
            let day = month.day(number);
            // Closed on Sundays; Saturdays sell most. The card company pays every other day.
            let busy = if day.weekday() == 5 { 160 } else { 100 };
            if day.weekday() < 6 {
                let takings = writer.dice.between(58_000, 92_000) * busy / 100;
                writer.add(
                    day,
                    takings,
                    "Kartenclearing Mitte",
                    "Card sales takings of the day",
                );
            }
            if day.weekday() == 0 {
                let cash = writer.dice.between(14, 31) * 10_000;
                writer.add(day, cash, "Alder & Sons Bakery", "Cash deposit, night safe");
            }
        }
        for (name, wage) in [
            ("Birgit Kranz", 214_300),
            ("Ali Yıldız", 231_880),
            ("Jana Novotná", 198_450),
            ("Kevin Maier", 162_075),
            ("Ruth Alder", 241_500),
        ] {
            writer.add(month.banking_day(27), -wage, name, "Wages {month}");
        }
    }
    writer.finish(
        "Bakery account",
        "EUR",
        iban("DE", "660500880002310177"),
        2_418_840,
    )
}

const HOUSEHOLD_SPENDING: Stream = Stream {
    count: (24, 32),
    weekends: true,
    parties: &[
        Party(
            "Supermarkt Grünkern",
            -14_200,
            -1_800,
            "Groceries, card 9023",
        ),
        Party("Metzgerei Haas", -4_600, -900, "Groceries, card 9023"),
        Party(
            "Wochenmarkt Lindental",
            -3_800,
            -600,
            "Groceries, card 9023",
        ),
        Party("Löwen-Apotheke", -5_400, -480, "Pharmacy, card 9023"),
        Party("Möbelhaus Eiche", -39_900, -2_900, "Household, card 9023"),
        Party("Tankstelle Ziegler", -8_900, -3_600, "Fuel, card 9023"),
        Party("Gasthof Adler", -8_800, -2_400, "Restaurant, card 9023"),
        Party("Kino im Hof", -3_600, -1_100, "Card 9023"),
        Party("Schulverein Lindental", -6_500, -1_500, "School, {month}"),
    ],
};

fn household() -> AccountBooks {
    let mut writer = Writer::new(22);
    writer.year(
        &[
            monthly(2, -98_000, "Baugenossenschaft Tal", "Rent {month} flat 3"),
            monthly(4, -11_240, "Stadtwerke Lindental", "Electricity {month}"),
            monthly(15, -4_990, "Talnetz", "Mobile plan family {month}"),
            monthly(16, -7_830, "Gilde Versicherung", "Insurance, car"),
            monthly(28, 310_000, "Alder & Sons Bakery", "Drawings {month}"),
        ],
        &[HOUSEHOLD_SPENDING],
    );
    AccountBooks {
        personal: true,
        custodian_email: Some("otto@example.com"),
        ..writer.finish(
            "Household",
            "EUR",
            iban("DE", "660500880009023114"),
            684_120,
        )
    }
}
