//! Whether PostgreSQL lets a server have all the connections that it may open.

use countersign_entities::{Database, Room};

use super::Findings;

pub(super) async fn check(database: &Database, is_pooled: bool, findings: &mut Findings) {
    // A database that does not answer is a finding of its own.
    let Ok(room) = database.room().await else {
        return;
    };
    let room = judged(&room, is_pooled);
    let advice = "make `database.connections_max` smaller, or PostgreSQL's `max_connections` larger, or the limit of \
         the role (`ALTER ROLE … CONNECTION LIMIT`); every server needs so many of its own";
    findings.tell("connections of a server", room, advice);
}

fn judged(room: &[Room], is_pooled: bool) -> Result<String, String> {
    let most = room
        .iter()
        .fold(0, |sum: u32, of| sum.saturating_add(of.most));
    if is_pooled {
        return Ok(format!("up to {most}, of the pooler"));
    }
    for of in room {
        if let Some(limit) = of.of_role.filter(|limit| of.most > *limit) {
            let (role, most) = (&of.role, of.most);
            return Err(format!("up to {most} as `{role}`, which may have {limit}"));
        }
    }
    let of_all = room.iter().map(|of| of.of_all).min().unwrap_or_default();
    if most > of_all {
        return Err(format!("up to {most}, and PostgreSQL lets in {of_all}"));
    }
    Ok(format!(
        "up to {most} of the {of_all} that PostgreSQL lets in"
    ))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(role: &str, most: u32, of_role: Option<u32>, of_all: u32) -> Room {
        Room {
            role: role.to_owned(),
            most,
            of_role,
            of_all,
        }
    }

    #[test]
    fn what_a_server_opens_is_held_against_what_it_may_have() {
        let own = |of_role, of_all| {
            [
                of("books", 35, of_role, of_all),
                of("entry", 4, None, of_all),
            ]
        };
        let told = judged(&own(Some(35), 39), false);
        assert_eq!(told.unwrap(), "up to 39 of the 39 that PostgreSQL lets in");
        // Of 20, three are the superuser's.
        let told = judged(&own(None, 17), false);
        assert_eq!(told.unwrap_err(), "up to 39, and PostgreSQL lets in 17");
        let told = judged(&own(Some(34), 97), false);
        assert_eq!(told.unwrap_err(), "up to 35 as `books`, which may have 34");
        assert!(judged(&own(Some(1), 17), true).is_ok());
    }
}
