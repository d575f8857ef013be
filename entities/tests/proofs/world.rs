//! A database with tenants and people in it, and short ways to act as them.

use std::{
    collections::BTreeSet,
    net::{IpAddr, Ipv4Addr},
    sync::Arc,
    time::Duration,
};

use chrono::{DateTime, NaiveDate, Utc};
use countersign_domain::{
    access::{Capability, Role, Scope},
    audit::{Facts, Outcome},
    books::Account,
    id::{
        AccountId, ApiTokenId, CategoryId, CustomRoleId, ImportId, MemberId, RequestId,
        StatementId, TenantId, TransactionId, UserId,
    },
    money::{Currency, Money},
    sealed::{StoredText, TextColumn},
    statements::{Balance, BalanceCheck, Entry, Format, fingerprint},
    token::PlainToken,
};
use countersign_entities::{
    Asking, Clock, Credential, CustomRole, Database, EventDraft, Ids, KeyEncryptionKey, NewAccount,
    NewApiToken, NewImport, NewMember, NewSession, NewStatement, NewTenant, NewTransaction,
    ProvidedIdentity, ProviderTokens, ReadTransaction, RequestContext, RequestFacts, SessionSecret,
    Settings, SystemClock, SystemIds, Unfinished, WriteTransaction,
};
use countersign_policies::{
    Engine, Permit, ReadScope, Resolved, Resource, Row,
    row::{KeptRow, TenantOnly},
};
use secrecy::SecretString;
use sqlx::{Connection, PgConnection};
use uuid::Uuid;

use crate::cluster::{self, Cluster};

pub(crate) const ISSUER: &str = "https://id.example.com";

pub(crate) struct World {
    pub(crate) name: String,
    pub(crate) database: Database,
    pub(crate) engine: Engine,
    pub(crate) cluster: Arc<Cluster>,
}

/// Somebody who is signed in.
#[derive(Clone)]
pub(crate) struct Person {
    pub(crate) user: UserId,
    pub(crate) member: MemberId,
    pub(crate) secret: SessionSecret,
}

impl Person {
    pub(crate) fn credential(&self) -> Credential {
        Credential::Session(self.secret.clone())
    }
}

pub(crate) fn settings(entry: SecretString, books: SecretString) -> Settings {
    Settings {
        entry_url: entry,
        books_url: books,
        connections_max: 8,
        acquire_timeout: Duration::from_secs(5),
        statement_timeout: Duration::from_secs(20),
        prepared_statements: true,
    }
}

pub(crate) async fn connect(settings: Settings) -> Database {
    let kek = KeyEncryptionKey::new([9; 32]);
    Database::connect(settings, kek, Arc::new(SystemClock), Arc::new(SystemIds))
        .await
        .unwrap()
}

impl World {
    pub(crate) async fn new() -> Self {
        let name = cluster::database().await;
        Self::of(cluster::shared(), name).await
    }

    pub(crate) async fn of(cluster: Arc<Cluster>, name: String) -> Self {
        let entry = cluster.url(&name, "countersign_entry");
        let books = cluster.url(&name, "countersign_books");
        let database = connect(settings(entry, books)).await;
        database.operator().open_own_ledger().await.unwrap();
        Self {
            database,
            engine: Engine::embedded().unwrap(),
            cluster,
            name,
        }
    }

    /// A bare connection as a role: what somebody with that role's password could do.
    pub(crate) async fn bare(&self, role: &str) -> PgConnection {
        use secrecy::ExposeSecret;
        let url = self.cluster.url(&self.name, role);
        PgConnection::connect(url.expose_secret()).await.unwrap()
    }

    pub(crate) async fn tenant(&self, slug: &str) -> TenantId {
        let new = NewTenant {
            slug: slug.into(),
            name: format!("The {slug} company"),
        };
        self.database.operator().create_tenant(&new).await.unwrap()
    }

    pub(crate) async fn person(&self, tenant: TenantId, name: &str, role: Role) -> Person {
        let email = format!("{name}@example.com");
        let new = NewMember {
            email: email.clone(),
            name: name.into(),
            role: role.into(),
            capabilities: BTreeSet::new(),
        };
        let (member, user) = self
            .database
            .operator()
            .add_member(tenant, &new)
            .await
            .unwrap();
        let entry = self.database.entry();
        let found = entry.sign_in_user(&identity(name), now()).await.unwrap();
        assert_eq!(found, user);
        let secret = entry
            .open_session(new_session(user, name), &facts())
            .await
            .unwrap();
        let slug = self.slug(tenant).await;
        assert!(entry.switch_tenant(&secret, &slug, &facts()).await.unwrap());
        Person {
            user,
            member,
            secret,
        }
    }

    async fn slug(&self, tenant: TenantId) -> String {
        let tenants = self.database.operator().tenants().await.unwrap();
        tenants.into_iter().find(|t| t.id == tenant).unwrap().slug
    }

    /// A tenant with an owner.
    pub(crate) async fn company(&self, slug: &str) -> (TenantId, Person) {
        let tenant = self.tenant(slug).await;
        let owner = self
            .person(tenant, &format!("owner-{slug}"), Role::Owner)
            .await;
        (tenant, owner)
    }

    pub(crate) async fn enter(&self, person: &Person) -> (RequestContext, ReadTransaction) {
        self.database
            .enter(&person.credential(), &facts(), &[])
            .await
            .unwrap()
    }

    pub(crate) async fn write(&self, person: &Person) -> (RequestContext, WriteTransaction) {
        let (context, read) = self.enter(person).await;
        read.leave();
        let write = self.database.write(&context, None).await.unwrap();
        (context, write)
    }

    pub(crate) fn scope<R: Resource>(&self, context: &RequestContext) -> ReadScope<R> {
        self.engine.read_scope::<R>(context.actor()).unwrap()
    }

    /// The permit of a mutation on the tenant's books as a whole, or on an account of the company.
    pub(crate) fn permit(&self, context: &RequestContext, mutation: &str) -> Permit {
        let action = self.engine.action(&format!("Mutation.{mutation}")).unwrap();
        let tenant = context.tenant();
        let (books, account) = (TenantOnly::books(tenant), company_account(tenant));
        let row: &dyn Row = match self.engine.resource_of(action) {
            "Account" => &account,
            _ => &books,
        };
        self.engine.permit(context.actor(), action, row).unwrap()
    }

    pub(crate) async fn category(&self, owner: &Person, name: &str) -> CategoryId {
        let (context, write) = self.write(owner).await;
        self.insert_category(&context, write, name).await.unwrap()
    }

    /// Makes a category by that transaction.
    pub(crate) async fn insert_category(
        &self,
        context: &RequestContext,
        write: WriteTransaction,
        name: &str,
    ) -> Result<CategoryId, Box<Unfinished>> {
        let permit = self.permit(context, "createCategory");
        let id = CategoryId::new(uuid());
        let (_, insertion) = write.new_category(&permit, id, name).unwrap();
        let event = EventDraft {
            targets: vec![id.into()],
            ..draft("category.created")
        };
        write.insert(permit, insertion, event).await?;
        Ok(id)
    }

    pub(crate) async fn account(&self, owner: &Person, new: NewAccount) -> Account {
        let (context, write) = self.write(owner).await;
        let permit = self.permit(&context, "createAccount");
        let account = write.insert_account(&permit, &new).await.unwrap();
        write
            .finish(permit, draft("account.created"))
            .await
            .unwrap();
        account
    }

    /// A role of the tenant's own that stands on the worker's.
    pub(crate) async fn custom_role(&self, owner: &Person, name: &str) -> CustomRole {
        let (context, write) = self.write(owner).await;
        let permit = self.permit(&context, "createRole");
        let role = CustomRole {
            id: CustomRoleId::new(uuid()),
            name: name.into(),
            description: String::new(),
            base: Role::Worker,
            capabilities: [Capability::WriteBasic].into(),
            member_count: 0,
            created_at: now(),
            updated_at: now(),
        };
        write.insert_role(&permit, &role).await.unwrap();
        write.finish(permit, draft("role.created")).await.unwrap();
        role
    }

    pub(crate) async fn api_token(
        &self,
        owner: &Person,
        scopes: &[Scope],
    ) -> (ApiTokenId, Credential) {
        let plain = PlainToken::from_random(&SystemIds.random32());
        let (context, write) = self.write(owner).await;
        let permit = self.permit(&context, "createApiToken");
        let id = ApiTokenId::new(SystemIds.uuid());
        let (tenant, column) = (context.tenant(), TextColumn::ApiTokenName);
        let new = NewApiToken {
            id,
            name: self.seal(tenant, column, id.uuid(), "for tests").await,
            documents_only: false,
            scopes: scopes.iter().copied().collect(),
            hash: plain.hashed(),
            last_four: plain.last_four(),
            expires_at: now() + chrono::Duration::days(1),
        };
        let (_, insertion) = write.new_api_token(&permit, &new).unwrap();
        let made = write.insert(permit, insertion, draft("api_token.created"));
        made.await.unwrap();
        (id, Credential::ApiToken(plain.hashed()))
    }

    /// A file of one statement, its name sealed.
    pub(crate) async fn new_import(
        &self,
        tenant: TenantId,
        account: AccountId,
        file: u8,
        amounts: &[&str],
    ) -> NewImport {
        let id = ImportId::new(uuid());
        let name = self.seal(
            tenant,
            TextColumn::ImportFileName,
            id.uuid(),
            "statement.xml",
        );
        new_import(id, name.await, account, file, amounts)
    }

    pub(crate) async fn seal(
        &self,
        tenant: TenantId,
        column: TextColumn,
        row: Uuid,
        text: &str,
    ) -> StoredText {
        let sealed = self.database.seal_text(tenant, column, row, text);
        sealed.await.unwrap()
    }

    /// Imports a statement of one account with those amounts, one a day from 1 January 2026 on.
    pub(crate) async fn import(
        &self,
        owner: &Person,
        account: AccountId,
        file: u8,
        amounts: &[&str],
    ) -> ImportId {
        let (context, write) = self.write(owner).await;
        let permit = self.permit(&context, "importStatement");
        let new = self
            .new_import(context.tenant(), account, file, amounts)
            .await;
        let (import, _) = write.insert_import(&permit, &new, |_| ()).await.unwrap();
        write
            .finish(permit, draft("statement.imported"))
            .await
            .unwrap();
        import.id
    }
}

pub(crate) fn now() -> DateTime<Utc> {
    SystemClock.now()
}

pub(crate) fn uuid() -> Uuid {
    SystemIds.uuid()
}

/// What a request asks for, by number.
pub(crate) const fn asking(n: u8) -> Asking {
    Asking {
        request: [n; 32],
        policies: [0; 32],
    }
}

pub(crate) fn facts() -> RequestFacts {
    RequestFacts {
        request: RequestId::new(uuid()),
        source: Some(IpAddr::V4(Ipv4Addr::LOCALHOST)),
        at: now(),
        idempotency_key: None,
    }
}

fn company_account(tenant: TenantId) -> KeptRow {
    KeptRow {
        tenant,
        id: uuid(),
        custodian: None,
        personal: false,
    }
}

pub(crate) fn eur() -> Currency {
    "EUR".parse().unwrap()
}

pub(crate) fn new_account(name: &str) -> NewAccount {
    NewAccount {
        id: AccountId::new(uuid()),
        name: name.into(),
        currency: eur(),
        number: None,
        custodian: None,
        personal: false,
    }
}

fn new_import(
    id: ImportId,
    file_name: StoredText,
    account: AccountId,
    file: u8,
    amounts: &[&str],
) -> NewImport {
    let first = NaiveDate::from_ymd_opt(2026, 1, 1).unwrap();
    let money = |text: &str| Money::parse(text, eur()).unwrap();
    let entry = |(day, amount): (u64, &&str)| Entry {
        booked_on: first.checked_add_days(chrono::Days::new(day)).unwrap(),
        value_on: None,
        amount: money(amount),
        counterparty: Some(format!("Shop {day}")),
        description: format!("Bill {day} of 100%"),
        reference: None,
    };
    let entries: Vec<Entry> = (0..).zip(amounts).map(entry).collect();
    NewImport {
        id,
        file_name,
        format: Format::Camt053,
        sha256: [file; 32],
        byte_count: 100,
        statements: vec![NewStatement {
            id: StatementId::new(uuid()),
            account,
            reference: None,
            currency: eur(),
            period_start: entries.first().map(|e| e.booked_on),
            period_end: entries.last().map(|e| e.booked_on),
            opening: None,
            closing: entries.last().map(|e| Balance {
                money: money("42"),
                on: Some(e.booked_on),
            }),
            balance_check: BalanceCheck::NotStated,
            transactions: entries
                .into_iter()
                .map(|entry| NewTransaction {
                    id: TransactionId::new(uuid()),
                    fingerprint: fingerprint(account, &entry, 0),
                    entry,
                })
                .collect(),
        }],
    }
}

pub(crate) fn draft(action: &'static str) -> EventDraft {
    EventDraft {
        action,
        permission: Resolved::beside_policies("a test's"),
        outcome: Outcome::Done,
        targets: vec![AccountId::new(uuid()).into()],
        payload: Facts::new().word("note", "ünïcode \u{0}").into(),
    }
}

pub(crate) fn identity(name: &str) -> ProvidedIdentity {
    ProvidedIdentity {
        issuer: ISSUER.into(),
        subject: name.into(),
        email: Some(format!("{name}@Example.com")),
        email_verified: true,
        name: Some(name.into()),
    }
}

pub(crate) fn tokens(access: &str) -> ProviderTokens {
    ProviderTokens {
        access: access.to_owned().into(),
        refresh: Some("refresh-secret".to_owned().into()),
        access_expires_at: now(),
    }
}

pub(crate) fn new_session(user: UserId, subject: &str) -> NewSession {
    NewSession {
        user,
        issuer: ISSUER.into(),
        subject: subject.into(),
        provider_sid: Some(format!("sid-{subject}")),
        tokens: tokens("access-secret"),
        mfa: false,
        expires_at: now() + chrono::Duration::hours(12),
    }
}
