//! Who is let in, within which quota, and what was decided for them.

use countersign_domain::{
    id::{AnyId, RequestId, TenantId},
    principal::Principal,
};
use countersign_entities::{Asking, Credential, RequestContext, RequestFacts, WriteTransaction};
use countersign_policies::{ActionId, Decision};

use super::{
    super::{
        cursor::CursorKey,
        existence,
        operation::{Operation, Way},
        plan::{Measure, Plan, RootField},
        record,
        request::{Answer, Stop},
    },
    Call, Endpoint, failed, refused,
};
use crate::{
    app::{
        Services, Writer,
        refusals::{self, ELSEWHERE, MEANT},
    },
    code::Code,
    rate_limit::Standing,
};

impl Endpoint {
    /// Lets a caller whom PostgreSQL let in a moment ago go on at once: its word, which is waited for
    /// before anything leaves or is written, comes with the first rows.
    pub(super) async fn presume(
        &self,
        credential: &Credential,
        facts: &RequestFacts,
        measure: &Measure,
        purpose: Purpose,
    ) -> Option<(RequestContext, Way)> {
        let named: Vec<AnyId> = measure.named.keys().copied().collect();
        let database = &self.database;
        match purpose {
            Purpose::Read => {
                let (context, reader) = database.presume(credential, facts, &named).await?;
                Some((context, Way::Read(reader)))
            }
            Purpose::Write(asking) => {
                let (context, opened) =
                    database.presume_to_write(credential, facts, &named, asking)?;
                Some((context, self.writing(opened, asking)))
            }
        }
    }

    /// Law 1: one round trip lets the caller in and opens the transaction.
    pub(super) async fn enter(
        &self,
        call: &Call<'_>,
        purpose: Purpose,
    ) -> Result<(RequestContext, Way), Answer> {
        let Call {
            credential,
            facts,
            measure,
            ..
        } = *call;
        let named: Vec<AnyId> = measure.named.keys().copied().collect();
        let database = &self.database;
        let entered = match purpose {
            Purpose::Read => {
                let entered = database.enter(credential, facts, &named).await;
                entered.map(|(context, reader)| (context, Way::Read(reader)))
            }
            Purpose::Write(asking) => {
                let entered = database.enter_to_write(credential, facts, &named, asking);
                let entered = entered.await;
                entered.map(|(context, opened)| (context, self.writing(opened, asking)))
            }
        };
        entered.map_err(|error| Answer::NotEntered(Box::new(error)))
    }

    /// What a request is answered that can not be read: to whoever is let in, who pays for it as for the
    /// least that can be asked, and may send a text of their own. Others are told no more than they are always.
    /// It is recorded; within the quota, so that nobody fills the log with what costs them nothing.
    pub(super) async fn unread(
        &self,
        credential: &Credential,
        facts: &RequestFacts,
        own_text: bool,
        answer: Answer,
        standing: &mut Option<Standing>,
    ) -> Answer {
        let context = match self.database.enter(credential, facts, &[]).await {
            Ok((context, reader)) => {
                reader.leave();
                context
            }
            Err(error) => return Answer::NotEntered(Box::new(error)),
        };
        let stands = self.rate_limits.by_principal(&context, 1).await;
        *standing = Some(stands);
        if let Some(limited) = over_quota(stands, facts.request) {
            return limited;
        }
        let engine = &self.policies.current().engine;
        let may_explore = self.introspect.is_some_and(|action| {
            let decisions = engine.decide(context.actor(), &[action]);
            matches!(decisions.get(action), Decision::Allow(_))
        });
        let (rule, answer) = if own_text && !may_send_text(&context, may_explore) {
            let (code, message) = DOCUMENTS_ONLY;
            let told = refused(code, message.to_owned(), facts.request);
            (EXPLORER, told)
        } else {
            ("form of a request", answer)
        };
        let Answer::Refused(code, _) = &answer else {
            return answer;
        };
        let draft = refusals::of_request(rule, *code);
        match self.database.record(&context, draft).await {
            Ok(()) => answer,
            Err(error) => failed(&error.into(), facts.request),
        }
    }

    /// Takes what a request costs from the caller's quota.
    pub(super) async fn charge(
        &self,
        context: &RequestContext,
        measure: &Measure,
        dry_run: bool,
    ) -> Standing {
        let charged = if dry_run { 1 } else { measure.cost };
        self.rate_limits.by_principal(context, charged).await
    }

    /// Records and refuses a request that names what the caller may know nothing of, whether it is
    /// another tenant's, nowhere, or hidden from them by policy. Nothing is done for one of them alone but to
    /// count it: what takes time would tell.
    pub(super) async fn strange_ids(&self, context: &RequestContext, measure: &Measure) -> Answer {
        let foreign = context.strange().map_or(0, |strange| strange.foreign);
        if foreign > 0 {
            self.metrics.foreign();
        }
        tracing::warn!(
            request = %context.request(),
            foreign,
            "a request named what its caller may know nothing of"
        );
        let draft = record::unknown_ids(measure);
        let recorded = self.database.record(context, draft).await;
        if let Err(error) = recorded {
            return failed(&error.into(), context.request());
        }
        let message = "there is nothing with one of the ids that the request names";
        refused(Code::NotFound, message.to_owned(), context.request())
    }

    fn writing(&self, opened: WriteTransaction, asking: Asking) -> Way {
        let database = self.database.clone();
        Way::Write(Box::new(Writer::new(database, opened, asking)))
    }

    /// Law 3: the whole operation is decided before it runs.
    pub(super) fn decide(
        &self,
        services: Services,
        context: RequestContext,
        way: Way,
        plan: &Plan,
    ) -> Operation {
        context.note_asked(&plan.asked);
        let mut actions = plan.actions.clone();
        actions.extend(self.explain);
        actions.extend(self.introspect);
        let decisions = services.engine.decide(context.actor(), &actions);
        let allowed = |action: Option<ActionId>| {
            action.is_some_and(|action| matches!(decisions.get(action), Decision::Allow(_)))
        };
        let reveal_rules = allowed(self.explain);
        let may_explore = allowed(self.introspect);
        Operation::new(
            services,
            context,
            way,
            decisions,
            (reveal_rules, may_explore),
            CursorKey::of(&self.database),
        )
    }

    /// Refuses a request that names what its caller may not read, like one that names what is nowhere.
    pub(super) async fn look_for_named(
        &self,
        operation: &Operation,
        measure: &Measure,
    ) -> Result<(), Stop> {
        match existence::is_shown(operation, measure.named.keys()).await {
            Ok(true) => {}
            Ok(false) => drop(operation.not_here()),
            Err(error) => {
                operation.confirm().await?;
                return Err(failed(&error, operation.context.request()).into());
            }
        }
        // What is not the tenant's is heard of before a mutation runs; a query hears of it with its rows.
        if let Some(writer) = operation.mutates()
            && !measure.named.is_empty()
        {
            writer.heard().await.map_err(|_| Stop::Rebutted)?;
        }
        if operation.names_strange() {
            operation.confirm().await?;
        }
        Ok(())
    }

    /// Refuses what is meant for another tenant than the credential works in.
    pub(super) async fn check_tenant(
        &self,
        operation: &Operation,
        meant_for: Option<TenantId>,
    ) -> Result<(), Stop> {
        if meant_for.is_none_or(|tenant| tenant == operation.context.tenant()) {
            return Ok(());
        }
        let request = operation.context.request();
        // Where the tenant was presumed, PostgreSQL says first whether it still is that one.
        operation.confirm().await?;
        let code = Code::TenantSwitched;
        let recorded = record::refused_request(operation, MEANT, code).await;
        recorded.map_err(|error| failed(&error.into(), request))?;
        Err(refused(code, ELSEWHERE.to_owned(), request).into())
    }

    /// Refuses who may not send a text of their own, or ask for the schema.
    pub(super) async fn check_form(
        &self,
        operation: &Operation,
        plan: &Plan,
        own_text: bool,
    ) -> Result<(), Stop> {
        let Some((code, message)) = unfit(operation, plan, own_text) else {
            return Ok(());
        };
        let request = operation.context.request();
        operation.confirm().await?;
        let recorded = record::refused_request(operation, EXPLORER, code).await;
        recorded.map_err(|error| failed(&error.into(), request))?;
        Err(refused(code, message.to_owned(), request).into())
    }
}

/// Whether a request looks for the rows that it names itself, and is about to: it finds out as it runs.
pub(super) fn finds_out(operation: &Operation, call: &Call<'_>) -> bool {
    let Call { plan, measure, .. } = call;
    let allowed =
        |root: &RootField| matches!(operation.decisions.get(root.action), Decision::Allow(_));
    measure.is_lookup
        && !call.dry_run
        && call.document.is_valid()
        && plan.roots.iter().all(allowed)
        && unfit(operation, plan, call.own_text).is_none()
}

/// What whoever sends a text of their own is held to.
const EXPLORER: &str = "explorer capability";

const DOCUMENTS_ONLY: (Code, &str) = (
    Code::DocumentRequired,
    "published documents only: send `documentId` instead of `query`",
);

fn may_send_text(context: &RequestContext, may_explore: bool) -> bool {
    match &context.actor().principal {
        Principal::Human(_) => may_explore,
        Principal::Machine(machine) => !machine.documents_only,
    }
}

/// What is wrong with how it is asked, by this caller.
fn unfit(operation: &Operation, plan: &Plan, own_text: bool) -> Option<(Code, &'static str)> {
    let may_explore = operation.may_explore;
    if own_text && !may_send_text(&operation.context, may_explore) {
        return Some(DOCUMENTS_ONLY);
    }
    if plan.introspects && !may_explore {
        let message = "the schema is not shown to you: ask for the explorer capability";
        return Some((Code::IntrospectionDisabled, message));
    }
    None
}

/// What a caller wants to be let in for.
#[derive(Debug, Clone, Copy)]
pub(super) enum Purpose {
    /// To read, or to be told what would come of it.
    Read,
    /// To have that done.
    Write(Asking),
}

/// Gives the connection back where the principal has to wait.
pub(super) async fn within_quota(way: Way, standing: Standing, id: RequestId) -> Result<Way, Stop> {
    let Some(limited) = over_quota(standing, id) else {
        return Ok(way);
    };
    way.confirm().await?;
    Err(limited.into())
}

/// The answer to a principal who has to wait.
fn over_quota(standing: Standing, id: RequestId) -> Option<Answer> {
    let seconds = standing.retry_after?;
    let message = format!("the quota of cost is used up: try again in {seconds} s");
    Some(refused(Code::RateLimited, message, id))
}
