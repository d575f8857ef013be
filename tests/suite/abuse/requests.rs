//! What enemies send.

use std::{fmt::Write as _, io::Write as _};

use flate2::{Compression, write::GzEncoder};
use serde_json::{Value, json};

/// Stands in every hostile request, and in no answer.
pub(super) const MARK: &str = "Zxq9";

/// A request body with what it is sent as.
pub(super) struct Hostile {
    pub(super) name: &'static str,
    pub(super) media: &'static str,
    pub(super) encoding: Option<&'static str>,
    pub(super) body: Vec<u8>,
}

/// What is known of a document by the second time is of no use where each time has a text of its own.
fn query(name: &'static str, time: usize, query: impl Into<String>) -> Hostile {
    let text = format!("{} # {time}", query.into());
    let body = json!({ "query": text, "operationName": Value::Null });
    raw(name, "application/json", body.to_string())
}

fn raw(name: &'static str, media: &'static str, body: impl Into<Vec<u8>>) -> Hostile {
    Hostile {
        name,
        media,
        encoding: None,
        body: body.into(),
    }
}

fn nested(open: &str, close: &str, n: usize) -> String {
    format!("{}{}", open.repeat(n), close.repeat(n))
}

fn fragments(n: usize) -> String {
    let mut text = format!("{{ ...{MARK}0 }} ");
    for i in 0..n {
        let next = i + 1;
        let _ = write!(
            text,
            "fragment {MARK}{i} on Query {{ ...{MARK}{next} ...{MARK}{next} }} "
        );
    }
    let _ = write!(text, "fragment {MARK}{n} on Query {{ __typename }}");
    text
}

/// Every one of them, for the so-manieth time.
pub(super) fn hostile(time: usize) -> Vec<Hostile> {
    let json = "application/json";
    let query = |name, text: String| query(name, time, text);
    let many = |n: usize, each: fn(usize) -> String| (0..n).map(each).collect::<String>();
    let mut bomb = GzEncoder::new(Vec::new(), Compression::best());
    bomb.write_all(&vec![b' '; 64 * 1024 * 1024]).unwrap();
    let deep_filter = nested("{a:", "}", 450);
    vec![
        query(
            "aliases",
            format!(
                "{{ {} }}",
                many(300, |i| format!("{MARK}{i}: viewer {{ kind }} "))
            ),
        ),
        query(
            "one field again and again",
            format!("{{ {MARK}: viewer {{ {} }} }}", "kind ".repeat(30_000)),
        ),
        query(
            "directives",
            format!(
                "{{ {MARK}: viewer {} {{ kind }} }}",
                "@include(if: true) ".repeat(200)
            ),
        ),
        query(
            "depth",
            format!("{{ {MARK}: {} }}", nested("viewer {", "}", 500)),
        ),
        query("fragments that double", fragments(40)),
        query(
            "a fragment of itself",
            format!("{{ ...{MARK} }} fragment {MARK} on Query {{ ...{MARK} }}"),
        ),
        query(
            "selection sets for the parser",
            format!("{MARK}{}", nested("{", "}", 900)),
        ),
        query(
            "tokens",
            format!("{MARK}{}", nested("{", "}", 30_000)),
        ),
        query(
            "lists for the parser",
            format!("{{ {MARK}(a: {}) }}", nested("[", "]", 900)),
        ),
        query(
            "objects for the parser",
            format!("{{ {MARK}(a: {deep_filter}) }}"),
        ),
        query(
            "types for the parser",
            format!(
                "query({MARK}: {}Int{}) {{ viewer {{ kind }} }}",
                "[".repeat(900),
                "]".repeat(900)
            ),
        ),
        query(
            "a name without end",
            format!("{{ {} }}", MARK.repeat(15_000)),
        ),
        query(
            "a document without end",
            format!("{{ viewer {{ kind }} }} #{}", MARK.repeat(100_000)),
        ),
        query(
            "comments",
            format!("{}{{ nothing }} #{MARK}", "#\n".repeat(20_000)),
        ),
        query(
            "variables without end",
            format!(
                "query({}) {{ viewer {{ kind }} }}",
                many(400, |i| format!("${MARK}{i}: Int "))
            ),
        ),
        query(
            "operations",
            many(250, |i| {
                format!("query {MARK}{i} {{ viewer {{ kind }} }} ")
            }),
        ),
        query(
            "a page without end",
            format!("{{ {MARK}: transactions(first: 2147483647) {{ nodes {{ id }} }} }}"),
        ),
        query(
            "rows of rows",
            format!(
                "{{ {} }}",
                many(20, |i| format!(
                    "{MARK}{i}: transactions(first: 200) {{ nodes {{ id account {{ id }} category {{ id }} statement {{ id }} }} }} "
                ))
            ),
        ),
        query(
            "ids",
            format!(
                "{{ nodes(ids: [{}]) {{ id }} }}",
                "\"acc_00000000000070008000000000000001\",".repeat(5_000)
            ),
        ),
        query(
            "one id again and again",
            format!(
                "{{ {MARK}: nodes(ids: [{}]) {{ id }} }}",
                "\"txn_00000000000070008000000000000001\",".repeat(501)
            ),
        ),
        query(
            "the schema in itself",
            format!(
                "{{ {MARK}: __type(name: \"Node\") {{ {} name {} }} }}",
                "possibleTypes { interfaces { ".repeat(5),
                "} } ".repeat(5)
            ),
        ),
        raw(
            "the schema in itself, without being run",
            json,
            json!({
                "query": format!(
                    "{{ {MARK}: __type(name: \"Node\") {{ {} name {} }} }} # {time}",
                    "possibleTypes { interfaces { ".repeat(6),
                    "} } ".repeat(6)
                ),
                "extensions": { "dryRun": true },
            })
            .to_string(),
        ),
        query(
            "variables that there are not, in many operations",
            format!(
                "fragment f on Query {{ node(id: ${}) {{ id }} }} {}",
                MARK.repeat(15_000),
                many(30, |i| format!("query q{i} {{ ...f }} "))
            ),
        ),
        query(
            "a type without end",
            format!("query($a: {}) {{ __typename }}", MARK.repeat(15_000)),
        ),
        query(
            "a member without end",
            format!(
                "{{ transactions(filter: {{ {}: 1 }}) {{ nodes {{ id }} }} }}",
                MARK.repeat(15_000)
            ),
        ),
        query(
            "an enum without end",
            format!(
                "{{ transactions(filter: {{ direction: {} }}) {{ nodes {{ id }} }} }}",
                MARK.repeat(15_000)
            ),
        ),
        query(
            "fields that nothing selects",
            format!(
                "{{ __typename }} fragment f on Query {{ {} }}",
                many(450, |i| format!("x{i} {{ {MARK} }} "))
            ),
        ),
        query(
            "one name for two fields",
            "{ transactions { nodes { x: id } } transactions { nodes { x: amount } } }".to_owned(),
        ),
        query(
            "two questions under one name",
            "{ accounts { nodes { viewerCan(action: \"Account.name\") { allowed } } } \
             accounts { nodes { viewerCan(action: \"Account.number\") { allowed } } } }"
                .to_owned(),
        ),
        raw(
            "a number for a condition",
            json,
            json!({
                "query": format!("query q($x: Int!) {{ {MARK}: viewer @skip(if: $x) {{ kind }} }} # {time}"),
                "variables": { "x": 1 },
            })
            .to_string(),
        ),
        query(
            "fields that there are not",
            format!("{{ {} }}", many(1_500, |i| format!("x{i} "))),
        ),
        query(
            "an id that is none",
            format!("{{ node(id: \"{MARK}' OR 1=1 --\") {{ id }} }}"),
        ),
        query(
            "a subscription",
            format!("subscription {MARK} {{ viewer {{ kind }} }}"),
        ),
        query(
            "numbers",
            format!(
                "{{ {MARK}: transactions(first: {}) {{ nodes {{ id }} }} }}",
                "9".repeat(20_000)
            ),
        ),
        raw(
            "a batch",
            json,
            format!(
                "[{}{{}}]",
                "{\"query\":\"{ viewer { kind } }\"},".repeat(1_000)
            ),
        ),
        raw(
            "json arrays",
            json,
            format!(
                "{{\"query\":\"{MARK}\",\"variables\":{}}}",
                nested("[", "]", 200_000)
            ),
        ),
        raw(
            "json objects",
            json,
            format!(
                "{{\"query\":\"{{ viewer {{ kind }} }}\",\"variables\":{}1{}}}",
                "{\"a\":".repeat(100_000),
                "}".repeat(100_000)
            ),
        ),
        raw(
            "keys twice",
            json,
            format!("{{\"query\":\"{{ viewer {{ kind }} }}\",\"query\":\"{MARK}\"}}"),
        ),
        raw(
            "no utf-8",
            json,
            [
                b"{\"query\":\"".as_slice(),
                &[0xff, 0xfe],
                MARK.as_bytes(),
                b"\"}",
            ]
            .concat(),
        ),
        raw("zeros", json, vec![0; 100_000]),
        raw("nothing", json, ""),
        raw("a text", "text/plain", format!("{{\"query\":\"{MARK}\"}}")),
        raw(
            "a form",
            "application/x-www-form-urlencoded",
            format!("query={MARK}"),
        ),
        raw(
            "parts",
            "multipart/form-data; boundary=x",
            format!(
                "--x\r\ncontent-disposition: form-data; name=\"operations\"\r\n\r\n{MARK}\r\n--x--"
            ),
        ),
        raw(
            "another charset",
            "application/json; charset=utf-16",
            format!("{{\"query\":\"{MARK}\"}}"),
        ),
        raw(
            "documents that nobody published",
            json,
            format!("{{\"documentId\":\"sha256:{}\"}}", "0".repeat(64)),
        ),
        raw(
            "a document's id that is none",
            json,
            format!("{{\"documentId\":\"{MARK}\"}}"),
        ),
        raw(
            "megabytes",
            json,
            format!("{{\"query\":\"{}\"}}", " ".repeat(20 * 1024 * 1024)),
        ),
        Hostile {
            encoding: Some("gzip"),
            ..raw("a bomb of gzip", json, bomb.finish().unwrap())
        },
        Hostile {
            encoding: Some("br"),
            ..raw(
                "an encoding that it has not",
                json,
                format!("{{\"query\":\"{MARK}\"}}"),
            )
        },
    ]
}
