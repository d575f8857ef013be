//! Who is in the demo: people, their tenants, and the partners' machines.

use countersign_stand::books::demo_books;
use serde_json::{Value, json};

use super::{Demo, http::Client, load::no_faults};
use crate::tools::say;

/// Everybody's password. The provider listens on loopback only.
pub(crate) const PASSWORD: &str = "countersign";

/// Everybody's second factor, for whoever wants to give one.
pub(crate) const ONE_TIME_CODE: &str = "246810";

struct Person {
    name: &'static str,
    email: &'static str,
    /// Tenant and role, which may be one of [`OWN_ROLES`].
    roles: &'static [(&'static str, &'static str)],
}

const PEOPLE: [Person; 11] = [
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
        name: "Tessa Lund",
        email: "tessa@example.com",
        roles: &[("northwind", "Bookkeeping trainee")],
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

/// A role that a tenant makes itself.
struct OwnRole {
    tenant: &'static str,
    /// The address of the owner who makes it.
    owner: &'static str,
    name: &'static str,
    description: &'static str,
    base: &'static str,
    capabilities: &'static [&'static str],
}

const OWN_ROLES: [OwnRole; 1] = [OwnRole {
    tenant: "northwind",
    owner: "olivia@example.com",
    name: "Bookkeeping trainee",
    description: "Sorts transactions, and sees no amounts but of accounts in their care.",
    base: "worker",
    capabilities: &["write.basic"],
}];

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
pub(crate) const MACHINE_SCOPES: [&str; 8] = [
    "basic:read",
    "financial:read",
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
    add_members(demo, false)?;
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

/// Makes the tenants' own roles, as their owners would in the app, and lets in who has one.
pub(crate) fn own_roles(demo: &Demo) -> anyhow::Result<()> {
    for role in &OWN_ROLES {
        say(&format!("making the role {} of {}", role.name, role.tenant));
        let owner = Client::person(demo, role.owner, role.tenant)?;
        let query = "mutation($input: CreateRoleInput!) { createRole(input: $input) \
                     { userErrors { code message } } }";
        let input = json!({
            "name": role.name,
            "description": role.description,
            "baseRole": role.base,
            "capabilities": role.capabilities,
        });
        let data = owner.graphql(demo, query, &json!({ "input": input }))?;
        no_faults(&data, "/createRole/userErrors", &["TAKEN"])?;
    }
    add_members(demo, true)
}

/// Lets in whoever has a role of a tenant's own, or whoever has not.
fn add_members(demo: &Demo, with_own_role: bool) -> anyhow::Result<()> {
    for person in &PEOPLE {
        for (tenant, role) in person.roles {
            if OWN_ROLES.iter().any(|own| own.name == *role) != with_own_role {
                continue;
            }
            let (name, email) = (person.name, person.email);
            demo.command(&[
                "member", "add", "--tenant", tenant, "--email", email, "--name", name, "--role",
                role,
            ])?;
        }
    }
    Ok(())
}
