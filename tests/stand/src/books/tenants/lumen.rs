//! Lumen Studio: photographs and films, in pounds.

use super::{AccountBooks, Party, Standing, Stream, TenantBooks, Writer, iban, monthly, months};

pub(super) fn books() -> TenantBooks {
    let studio = studio();
    let reserve = reserve(&studio);
    TenantBooks {
        slug: "lumen",
        name: "Lumen Studio",
        accounts: vec![studio, reserve],
    }
}

const NUMBER: &str = "CSGN20415531926807";

const STUDIO_ORDERS: [Standing; 9] = [
    monthly(
        1,
        -215_000,
        "Foundry Yard Estates Ltd",
        "Rent {month} unit 7",
    ),
    monthly(
        4,
        -5_499,
        "Framekeeper",
        "Subscription editing suite {month}",
    ),
    monthly(
        6,
        -11_200,
        "Cloudharbor Hosting",
        "Hosting of galleries {month}",
    ),
    Standing {
        day: 9,
        every: 1,
        low: -38_000,
        high: -17_000,
        party: "Northern Light & Power",
        text: "Electricity {month}",
    },
    monthly(11, -4_200, "Fibreworks", "Broadband {month}"),
    monthly(
        14,
        -9_870,
        "Guildhall Insurance",
        "Insurance of cameras {month}",
    ),
    monthly(25, -324_000, "Lena Lund", "Salary {month}"),
    monthly(25, -268_000, "Tom Whitaker", "Salary {month}"),
    monthly(28, -1_500, "Sovereign & Vale Bank", "Account fee {month}"),
];

const STUDIO_CLIENTS: Stream = Stream {
    count: (20, 24),
    weekends: false,
    parties: &[
        Party(
            "Harcourt Publishing plc",
            95_000,
            420_000,
            "Invoice paid LS-{number} covers",
        ),
        Party(
            "The Orchard Theatre",
            45_000,
            180_000,
            "Invoice paid LS-{number} rehearsal",
        ),
        Party(
            "Brightwater Council",
            60_000,
            240_000,
            "Invoice paid LS-{number}",
        ),
        Party(
            "Mr & Mrs O'Connell",
            38_000,
            145_000,
            "Invoice paid LS-{number} wedding",
        ),
        Party(
            "Saffron Kitchens Ltd",
            52_000,
            210_000,
            "Invoice paid LS-{number} menu",
        ),
        Party(
            "Velo City Magazine",
            30_000,
            125_000,
            "Invoice paid LS-{number}",
        ),
        Party(
            "Priya Raman",
            18_000,
            64_000,
            "Invoice paid LS-{number} portraits",
        ),
    ],
};

const STUDIO_COSTS: Stream = Stream {
    count: (13, 17),
    weekends: true,
    parties: &[
        Party("Lenscraft Hire", -62_000, -9_000, "Equipment hire {number}"),
        Party("Great Northern Rail", -18_400, -2_150, "Rail ticket"),
        Party(
            "Papermill Print Lab",
            -44_000,
            -3_800,
            "Printing, job {number}",
        ),
        Party("Cabline", -5_200, -850, "Taxi"),
        Party("The Copper Kettle", -2_900, -480, "Coffee with client"),
        Party("Model Agency Finch", -95_000, -30_000, "Fee note {number}"),
        Party("Storyboard Social", -36_000, -8_000, "Advertising {month}"),
        Party("Kite & Co Stationers", -6_400, -700, "Stationery"),
    ],
};

fn studio() -> AccountBooks {
    let mut writer = Writer::new(31);
    writer.year(&STUDIO_ORDERS, &[STUDIO_CLIENTS, STUDIO_COSTS]);
    // A fifth of what clients pay is laid aside on the same day.
    let paid: Vec<_> = writer
        .entries
        .iter()
        .filter(|entry| entry.amount > 0)
        .map(|entry| (entry.booked_on, entry.amount / 5))
        .collect();
    for (day, part) in paid {
        writer.add(day, -part, "Lumen Studio", "Sweep to tax reserve");
    }
    writer.finish("Studio account", "GBP", iban("GB", NUMBER), 2_864_415)
}

/// What the studio laid aside, with interest, and what the tax office took.
fn reserve(studio: &AccountBooks) -> AccountBooks {
    let mut writer = Writer::new(32);
    let swept = studio
        .entries
        .iter()
        .filter(|entry| entry.description.starts_with("Sweep"));
    for entry in swept {
        writer.add(
            entry.booked_on,
            -entry.amount,
            "Lumen Studio",
            "Sweep to tax reserve",
        );
    }
    for month in months() {
        let interest = writer.dice.between(1_900, 4_300);
        writer.add(
            month.day(31),
            interest,
            "Sovereign & Vale Bank",
            "Interest {month}",
        );
        if month.number.is_multiple_of(3) {
            let tax = writer.dice.between(620_000, 780_000);
            writer.add(
                month.banking_day(7),
                -tax,
                "HM Revenue & Customs",
                "VAT, quarter to {month}",
            );
        }
        if matches!(month.number, 1 | 7) {
            writer.add(
                month.banking_day(30),
                -912_500,
                "HM Revenue & Customs",
                "Corporation tax",
            );
        }
    }
    writer.finish(
        "Tax reserve",
        "GBP",
        iban("GB", "CSGN20415531926815"),
        1_940_260,
    )
}
