//! The tenant that a request is meant for.
//!
//! The tenant of a request comes from its credential (ISO-2), and a session goes from one to another: what a
//! page that was opened before sends then would be done elsewhere. Whoever sends `Countersign-Tenant` has it
//! refused instead, as a precondition that does not hold.

use actix_web::HttpRequest;
use countersign_domain::id::TenantId;

use super::problem::Problem;
use crate::code::Code;

/// Of a request: which tenant it is meant for. Of a stream and a download: whose they are.
pub const TENANT: &str = "countersign-tenant";

/// The tenant that a request is meant for, where that is said.
pub fn meant_for(request: &HttpRequest) -> Result<Option<TenantId>, Problem> {
    let mut values = request.headers().get_all(TENANT);
    let Some(value) = values.next() else {
        return Ok(None);
    };
    let tenant = value.to_str().ok().and_then(|text| text.parse().ok());
    let only = values.next().is_none();
    tenant.filter(|_| only).map(Some).ok_or_else(|| {
        let detail = "`Countersign-Tenant` is the id of one tenant, such as `tenant { id }` gives";
        Problem::new(Code::BadRequest, detail)
    })
}
