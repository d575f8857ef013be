//! Northwind Traders: trade in food and household goods, in euros and dollars.

use super::{AccountBooks, Party, Standing, Stream, TenantBooks, Writer, iban, monthly, months};

pub(super) fn books() -> TenantBooks {
    TenantBooks {
        slug: "northwind",
        name: "Northwind Traders",
        accounts: vec![operating(), payroll(), card(), dollars()],
    }
}

const OPERATING_ORDERS: [Standing; 10] = [
    monthly(
        1,
        -485_000,
        "Hafenkontor Immobilien GmbH",
        "Rent {month} warehouse 4",
    ),
    monthly(
        3,
        -18_990,
        "Elbfunk Telekom",
        "Broadband and telephone {month}",
    ),
    monthly(
        5,
        -64_350,
        "Hansa Leasing",
        "Lease of two vans, contract 88-1204",
    ),
    Standing {
        day: 8,
        every: 3,
        low: -128_400,
        high: -128_400,
        party: "Nordstern Versicherung AG",
        text: "Business insurance, quarter to {month}",
    },
    Standing {
        day: 10,
        every: 1,
        low: -1_450_000,
        high: -980_000,
        party: "Finanzamt Hamburg",
        text: "VAT advance return {month}",
    },
    Standing {
        day: 15,
        every: 1,
        low: -142_000,
        high: -68_000,
        party: "Stadtwerke Elbe",
        text: "Electricity {month}, meter 40811",
    },
    monthly(
        18,
        -4_900,
        "Ledgerline Software",
        "Subscription accounts {month}",
    ),
    monthly(
        24,
        -6_230_000,
        "Northwind Traders",
        "Internal transfer to payroll account {month}",
    ),
    monthly(
        26,
        -205_000,
        "Northwind Traders",
        "Card settlement Field card {month}",
    ),
    monthly(30, -3_490, "Kontorbank", "Account fee {month}"),
];

const OPERATING_CUSTOMERS: Stream = Stream {
    count: (26, 34),
    weekends: false,
    parties: &[
        Party(
            "Feinkost Amsel & Drossel",
            180_000,
            980_000,
            "Invoice paid NW-{number}",
        ),
        Party(
            "Mercado Ibérico S.L.",
            240_000,
            1_240_000,
            "Invoice paid NW-{number}",
        ),
        Party(
            "Brasserie du Vieux Port",
            90_000,
            460_000,
            "Invoice paid NW-{number} livraison",
        ),
        Party(
            "Kaufhaus Lindner KG",
            320_000,
            1_480_000,
            "Invoice paid NW-{number}, less 2% discount",
        ),
        Party(
            "Søndergaard Import ApS",
            150_000,
            720_000,
            "Invoice paid NW-{number}",
        ),
        Party(
            "Trattoria Bellavista",
            45_000,
            210_000,
            "Invoice paid NW-{number} grazie",
        ),
        Party(
            "Hotel Seeblick Betriebs GmbH",
            120_000,
            540_000,
            "Invoice paid NW-{number} catering",
        ),
        Party(
            "Delicatessen Janssens BV",
            160_000,
            690_000,
            "Invoice paid NW-{number}",
        ),
        Party(
            "Biomarkt am Ring eG",
            98_000,
            430_000,
            "Invoice paid NW-{number}",
        ),
        Party(
            "Marchetti e Figli S.r.l.",
            210_000,
            870_000,
            "Invoice paid NW-{number}",
        ),
    ],
};

const OPERATING_SUPPLIERS: Stream = Stream {
    count: (18, 24),
    weekends: false,
    parties: &[
        Party(
            "Olivar de la Sierra",
            -640_000,
            -90_000,
            "Purchase order PO-{number}",
        ),
        Party(
            "Käserei Alpenrose",
            -380_000,
            -60_000,
            "Purchase order PO-{number}",
        ),
        Party(
            "Tea House Pettersson AB",
            -290_000,
            -40_000,
            "Purchase order PO-{number}",
        ),
        Party(
            "Verpackung Röder GmbH",
            -145_000,
            -22_000,
            "Purchase order PO-{number} cartons",
        ),
        Party(
            "Spedition Küstenland",
            -210_000,
            -38_000,
            "Purchase order PO-{number} freight",
        ),
        Party(
            "Zollkasse Hamburg",
            -88_000,
            -9_000,
            "Customs duties, declaration {number}",
        ),
        Party(
            "Messebau Quartier",
            -260_000,
            -120_000,
            "Fair stand, deposit {number}",
        ),
        Party(
            "Gabelstapler Service Nord",
            -74_000,
            -18_000,
            "Repair of forklift, job {number}",
        ),
        Party("Reinigung Blitzblank", -42_000, -36_000, "Cleaning {month}"),
        Party(
            "Dr. Ahlers Consulting",
            -180_000,
            -95_000,
            "Fee note {number}",
        ),
    ],
};

fn operating() -> AccountBooks {
    let mut writer = Writer::new(11);
    writer.year(
        &OPERATING_ORDERS,
        &[OPERATING_CUSTOMERS, OPERATING_SUPPLIERS],
    );
    writer.finish(
        "Operating account",
        "EUR",
        iban("DE", "500100990011204001"),
        18_240_355,
    )
}

const PAYROLL_PEOPLE: [(&str, i64); 22] = [
    ("Wanda Winter", 268_450),
    ("Mara Moreau", 384_120),
    ("Arthur Abel", 331_875),
    ("Adam Adler", 352_640),
    ("Ines Castro", 241_310),
    ("Jonas Petersen", 238_990),
    ("Leyla Demir", 256_705),
    ("Piotr Nowak", 229_480),
    ("Sofia Lindqvist", 247_215),
    ("Tomasz Zieliński", 231_060),
    ("Emma Schröder", 219_745),
    ("Luca Romano", 226_330),
    ("Fatima El Amrani", 242_880),
    ("Niklas Brandt", 215_590),
    ("Chiara Conti", 223_400),
    ("David Okafor", 251_165),
    ("Hanna Vogel", 208_925),
    ("Marek Dvořák", 217_070),
    ("Nora Haugen", 236_540),
    ("Paul Weber", 204_315),
    ("Rosa Jiménez", 212_785),
    ("Yusuf Kaya", 221_650),
];

fn payroll() -> AccountBooks {
    let mut writer = Writer::new(12);
    for month in months() {
        let day = month.banking_day(24);
        writer.add(
            day,
            6_230_000,
            "Northwind Traders",
            "Internal transfer from operating account",
        );
        for (name, salary) in PAYROLL_PEOPLE {
            let overtime = writer.dice.between(0, 3) / 3 * writer.dice.between(2_000, 19_000);
            writer.add(
                month.banking_day(27),
                -(salary + overtime),
                name,
                "Salary {month}",
            );
        }
        writer.add(
            month.banking_day(28),
            -418_230,
            "Hanse Krankenkasse",
            "Social insurance {month}",
        );
        writer.add(
            month.banking_day(28),
            -236_415,
            "Finanzamt Hamburg",
            "Wages tax {month}",
        );
    }
    writer.finish(
        "Payroll account",
        "EUR",
        iban("DE", "500100990011204002"),
        2_150_000,
    )
}

const CARD_PURCHASES: Stream = Stream {
    count: (36, 48),
    weekends: true,
    parties: &[
        Party(
            "Tankhof A7 Süd",
            -9_800,
            -4_100,
            "Fuel van HH-NW 218, card 4471",
        ),
        Party("Raststätte Heidekrug", -2_450, -780, "Lunch, card 4471"),
        Party("Elbtunnel Parkhaus", -2_200, -300, "Parking, card 4471"),
        Party(
            "Baumarkt Hammerich",
            -18_900,
            -1_200,
            "Tools and fittings, card 4471",
        ),
        Party(
            "Hotel Zur Linde",
            -14_500,
            -7_900,
            "Hotel one night, card 4471",
        ),
        Party(
            "Deutsche Fernbahn",
            -12_400,
            -2_900,
            "Rail ticket, card 4471",
        ),
        Party("Taxi Funk Nord", -4_300, -900, "Taxi, card 4471"),
        Party("Café Morgenrot", -1_280, -320, "Coffee, card 4471"),
        Party("Schreibwaren Pahl", -5_600, -450, "Stationery, card 4471"),
        Party("Post am Markt", -3_900, -380, "Postage, card 4471"),
        Party("Brücke Øresund", -6_400, -6_400, "Toll, card 4471"),
        Party("Kiosk am Hafen", -1_900, -150, "Card 4471"),
    ],
};

fn card() -> AccountBooks {
    let mut writer = Writer::new(13);
    writer.year(
        &[monthly(
            26,
            420_000,
            "Northwind Traders",
            "Card settlement from operating account",
        )],
        &[CARD_PURCHASES],
    );
    AccountBooks {
        custodian_email: Some("wanda@example.com"),
        ..writer.finish(
            "Field card",
            "EUR",
            iban("DE", "500100990011204471"),
            -64_210,
        )
    }
}

const DOLLARS_SALES: Stream = Stream {
    count: (13, 17),
    weekends: false,
    parties: &[
        Party(
            "Great Lakes Gourmet Inc.",
            220_000,
            960_000,
            "Invoice paid NW-{number}",
        ),
        Party(
            "Harbor & Pine LLC",
            110_000,
            540_000,
            "Invoice paid NW-{number}",
        ),
        Party(
            "Prairie Pantry Co-op",
            130_000,
            620_000,
            "Invoice paid NW-{number}",
        ),
        Party(
            "Redwood Specialty Foods",
            190_000,
            810_000,
            "Invoice paid NW-{number}",
        ),
        Party(
            "Bayou Trading Company",
            90_000,
            380_000,
            "Invoice paid NW-{number}",
        ),
    ],
};

const DOLLARS_COSTS: Stream = Stream {
    count: (13, 17),
    weekends: false,
    parties: &[
        Party(
            "Pacific Almond Growers",
            -1_150_000,
            -210_000,
            "Purchase order PO-{number}",
        ),
        Party(
            "Vermont Maple Works",
            -480_000,
            -70_000,
            "Purchase order PO-{number}",
        ),
        Party(
            "Transatlantic Freight Corp",
            -390_000,
            -85_000,
            "Purchase order PO-{number} ocean freight",
        ),
        Party("Cloudharbor Hosting", -18_400, -9_200, "Hosting {month}"),
        Party("Mailwright", -4_900, -4_900, "Subscription newsletter"),
        Party(
            "Brightboard Media",
            -160_000,
            -40_000,
            "Advertising campaign {number}",
        ),
        Party("Skyline Airways", -148_000, -62_000, "Flight HAM-ORD"),
    ],
};

fn dollars() -> AccountBooks {
    let mut writer = Writer::new(14);
    writer.year(
        &[monthly(30, -2_500, "Kontorbank", "Account fee {month}")],
        &[DOLLARS_SALES, DOLLARS_COSTS],
    );
    writer.finish(
        "US dollar account",
        "USD",
        iban("DE", "500100990011204840"),
        9_415_080,
    )
}
