//! The export of the audit log, as a download that is written while it is read.
//!
//! By POST and not by GET, since it is recorded and costs: no link, no image and no page of another site
//! begins one. Where it breaks off, the connection is cut before the last chunk, so that no browser takes
//! what it has for the whole, and the file has no manifest.

use actix_web::{
    HttpRequest, HttpResponse,
    http::header::{CACHE_CONTROL, CONTENT_DISPOSITION, CONTENT_ENCODING, CONTENT_TYPE},
    web::{self, Bytes},
};
use chrono::{DateTime, Utc};
use countersign_domain::audit::{Outcome, manifest::ExportFormat};
use countersign_entities::AuditFilter;
use futures::stream;
use serde::Deserialize;

use super::{
    RequestInfo,
    body::{InTime, Object},
    credential::{credential, not_entered},
    limited,
    meant_for::{TENANT, meant_for},
    problem::Problem,
};
use crate::{
    app::{
        audit_exports::{self, Delivery, Export, ExportError, Full, Wanted},
        refusals::{self, ELSEWHERE, MEANT},
    },
    code::Code,
    server::State,
};

/// The key by which the file is verified, as `ledger verify --key` takes it.
const KEY: &str = "countersign-key";
/// After how many seconds somebody asks again where as many exports are under way as may be.
const BUSY_SECONDS: u32 = 10;
/// Tells proxies of nginx's kind to hold nothing back.
const ACCEL_BUFFERING: &str = "x-accel-buffering";

/// What is asked for.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
pub struct Asked {
    format: String,
    from: Option<String>,
    to: Option<String>,
    action: Option<String>,
    actor_id: Option<String>,
    outcome: Option<String>,
    from_seq: Option<i64>,
    to_seq: Option<i64>,
}

impl Asked {
    /// The same as types, or what is wrong with it.
    fn wanted(self) -> Result<Wanted, String> {
        let format = ExportFormat::from_name(&self.format)
            .ok_or_else(|| "`format` is `jsonl` or `csv`".to_owned())?;
        let outcome = self.outcome.map(|name| {
            Outcome::from_name(&name)
                .ok_or_else(|| "`outcome` is `DONE`, `REFUSED` or `FAILED`".to_owned())
        });
        let filter = AuditFilter {
            from: instant("from", self.from.as_deref())?,
            to: instant("to", self.to.as_deref())?,
            action: self.action,
            actor: self.actor_id,
            outcome: outcome.transpose()?,
            from_seq: self.from_seq,
            to_seq: self.to_seq,
        };
        audit_exports::check(&filter)?;
        Ok(Wanted { filter, format })
    }
}

fn instant(name: &str, text: Option<&str>) -> Result<Option<DateTime<Utc>>, String> {
    let read = |text| DateTime::parse_from_rfc3339(text).map(|at| at.with_timezone(&Utc));
    text.map(read).transpose().map_err(|_| {
        format!("`{name}` is an instant as RFC 3339 has it, such as `2026-01-31T00:00:00Z`")
    })
}

/// `POST /bff/audit/export`.
pub async fn post(
    request: HttpRequest,
    state: web::Data<State>,
    info: web::ReqData<RequestInfo>,
    asked: InTime<web::Json<Object<Asked>>>,
) -> Result<HttpResponse, Problem> {
    let facts = info.facts(&state);
    let credential = credential(&request, &facts, &state).await?;
    let meant_for = meant_for(&request)?;
    let InTime(web::Json(Object(asked))) = asked;
    let wanted = asked.wanted();
    let wanted = wanted.map_err(|fault| Problem::new(Code::BadRequest, &fault))?;
    let entered = match state.database.enter(&credential, &facts, &[]).await {
        Ok(entered) => entered,
        Err(error) => return Err(not_entered(&request, &facts, &state, &credential, error).await),
    };
    state.seen_tokens.admit(&credential);
    if meant_for.is_some_and(|tenant| tenant != entered.0.tenant()) {
        entered.1.leave();
        let draft = refusals::of_request(MEANT, Code::TenantSwitched);
        state.database.record(&entered.0, draft).await?;
        return Err(Problem::new(Code::TenantSwitched, ELSEWHERE));
    }
    limited::export(&request, &state, &entered.0).await?;
    let engine = state.policies.current().engine.clone();
    let (stores, at) = ((&state.database, &state.exports), facts.at);
    let opened = Export::open(stores, &engine, credential, facts, entered, wanted).await;
    let export = opened.inspect_err(|error| {
        if matches!(error, ExportError::Busy(_)) {
            state.metrics.limited("exports-at-once");
        }
    })?;
    Ok(respond(state, export, at))
}

fn respond(state: web::Data<State>, export: Export, at: DateTime<Utc>) -> HttpResponse {
    let (form, end) = match export.format() {
        ExportFormat::JsonLines => ("application/jsonl; charset=utf-8", "jsonl"),
        ExportFormat::Csv => ("text/csv; charset=utf-8; header=present", "csv"),
    };
    let name = format!("audit-log-{}.{end}", at.format("%Y%m%dT%H%M%SZ"));
    let (key, tenant) = (export.key().to_string(), export.tenant().to_string());
    let delivery = Delivery::new(export, state.config.limits.patience_with_readers());
    let steps = stream::try_unfold((state, delivery), |(state, mut delivery)| async move {
        let engine = state.policies.current().engine.clone();
        let step = delivery.next(&engine).await.inspect_err(|error| {
            tracing::warn!(
                error = error as &dyn std::error::Error,
                "an export was broken off"
            );
        })?;
        Ok::<_, ExportError>(step.map(|step| (Bytes::from(step), (state, delivery))))
    });
    HttpResponse::Ok()
        .insert_header((CONTENT_TYPE, form))
        .insert_header((
            CONTENT_DISPOSITION,
            format!("attachment; filename=\"{name}\""),
        ))
        .insert_header((CACHE_CONTROL, "no-store"))
        // Compressed, rows would wait for one another.
        .insert_header((CONTENT_ENCODING, "identity"))
        .insert_header((ACCEL_BUFFERING, "no"))
        .insert_header((KEY, key))
        .insert_header((TENANT, tenant))
        .streaming(steps)
}

impl From<ExportError> for Problem {
    fn from(error: ExportError) -> Self {
        match error {
            ExportError::Refused(refusal) => {
                let detail = format!("`{}` is refused by policy", refusal.action());
                Self::new(Code::Forbidden, &detail)
            }
            ExportError::SecondFactor => Self::new(
                Code::StepUpRequired,
                "an export needs a session with a second factor: sign out, and sign in again with one",
            ),
            ExportError::Hidden(action) => {
                let detail = format!(
                    "`{action}` is hidden from you on some rows, and an export has whole rows"
                );
                Self::new(Code::ExportHidesRows, &detail)
            }
            ExportError::Busy(full @ Full::Tenant(_)) => {
                Self::new(Code::RateLimited, &full.to_string()).after(BUSY_SECONDS)
            }
            ExportError::Busy(Full::Server) => {
                Self::unavailable(&Full::Server.to_string()).after(BUSY_SECONDS)
            }
            ExportError::Entry(error) => error.into(),
            ExportError::Store(error) => error.into(),
            ExportError::Moved | ExportError::Stalled | ExportError::Row(_) => {
                tracing::error!(error = &error as &dyn std::error::Error, "an export failed");
                Self::internal()
            }
        }
    }
}
