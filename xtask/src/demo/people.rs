//! Who is in the demo: people, their tenants, and the partners' machines.

use countersign_stand::books::demo_books;
use serde_json::{Value, json};

use super::Demo;
use crate::tools::say;

/// Everybody's password. The provider listens on loopback only.
pub(crate) const PASSWORD: &str = "countersign";

struct Person {
    name: &'static str,
    email: &'static str,
    /// Tenant and role.
    roles: &'static [(&'static str, &'static str)],
}

const PEOPLE: [Person; 10] = [
    Person {
        name: "Olivia Park",
        email: "olivia@example.com",
        roles: &[("northwind", "owner"), ("alder", "auditor")],
    },
    Person {
        name: "Adam Reyes",
        email: "adam@example.com",
        roles: &[("northwind", "admin")],
    },
    Person {
        name: "Mara Lindqvist",
        email: "mara@example.com",
        roles: &[("northwind", "manager")],
    },
    Person {
        name: "Arthur Okafor",
        email: "arthur@example.com",
        roles: &[("northwind", "accountant"), ("alder", "accountant")],
    },
    Person {
        name: "Wanda Novak",
        email: "wanda@example.com",
        roles: &[("northwind", "worker")],
    },
    Person {
        name: "Otto Alder",
        email: "otto@example.com",
        roles: &[("alder", "owner")],
    },
    Person {
        name: "Felix Alder",
        email: "felix@example.com",
        roles: &[("alder", "family")],
    },
    Person {
        name: "Lena Moreau",
        email: "lena@example.com",
        roles: &[("lumen", "owner")],
    },
    Person {
        name: "Ada Brandt",
        email: "ada@example.com",
        roles: &[("lumen", "auditor")],
    },
    Person {
        name: "Ivo Castellan",
        email: "ivo@example.com",
        roles: &[("operator", "auditor")],
    },
];

/// A partner's program, which loads a tenant's books.
pub(crate) struct Machine {
    pub(crate) tenant: &'static str,
    pub(crate) client_id: &'static str,
}

pub(crate) const MACHINES: [Machine; 3] = [
    Machine {
        tenant: "northwind",
        client_id: "northwind-bookkeeping",
    },
    Machine {
        tenant: "alder",
        client_id: "alder-bookkeeping",
    },
    Machine {
        tenant: "lumen",
        client_id: "lumen-bookkeeping",
    },
];

/// What those programs may do.
pub(crate) const MACHINE_SCOPES: [&str; 7] = [
    "basic:read",
    "pii:read",
    "members:read",
    "accounts:create",
    "categories:create",
    "transactions:categorize",
    "statements:import",
];

/// The provider's accounts.
pub(crate) fn accounts() -> Vec<Value> {
    let accounts = PEOPLE.iter().map(|person| {
        json!({
            "sub": person.email.split('@').next(),
            "name": person.name,
            "email": person.email,
            "password": PASSWORD,
            "about": roles(person),
        })
    });
    accounts.collect()
}

fn roles(person: &Person) -> String {
    let roles = person
        .roles
        .iter()
        .map(|(tenant, role)| format!("{role} of {tenant}"));
    roles.collect::<Vec<_>>().join(", ")
}

/// Lines for the terminal.
pub(crate) fn table() -> Vec<String> {
    let lines = PEOPLE
        .iter()
        .map(|person| format!("{:16} {:20} {}", person.name, person.email, roles(person)));
    lines.collect()
}

/// Makes the tenants, and lets people and machines in, by the operator's commands.
pub(crate) fn admit(demo: &Demo) -> anyhow::Result<()> {
    say("making three tenants, and letting people and machines in");
    for tenant in demo_books() {
        demo.command(&[
            "tenant",
            "create",
            "--slug",
            tenant.slug,
            "--name",
            tenant.name,
        ])?;
    }
    for person in &PEOPLE {
        for (tenant, role) in person.roles {
            let (name, email) = (person.name, person.email);
            demo.command(&[
                "member", "add", "--tenant", tenant, "--email", email, "--name", name, "--role",
                role,
            ])?;
        }
    }
    for machine in &MACHINES {
        let mut arguments = vec!["machine", "add", "--tenant", machine.tenant];
        arguments.extend(["--client-id", machine.client_id]);
        for scope in MACHINE_SCOPES {
            arguments.extend(["--scope", scope]);
        }
        demo.command(&arguments)?;
    }
    Ok(())
}
