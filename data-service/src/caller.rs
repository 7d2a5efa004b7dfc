//! Who is asking: what the guard has proved, in the form the commands ask about.

use crate::error::Result;
use crate::store::credentials::{ConsumerCredential, TokenFacts};
use shared::acl::{AccessList, Me};
use shared::error::Refusal;
use shared::id::{ConsumerKey, ServiceName, UserRef};
use std::sync::Arc;
use uuid::Uuid;

/// A caller whose proof held.
#[derive(Clone, Debug)]
pub enum Caller {
    /// A consumer, alone or with a user's token.
    Signed {
        /// The consumer.
        consumer: Arc<ConsumerCredential>,
        /// The token the request was signed with.
        token: Option<TokenFacts>,
    },
    /// Whoever can read the sealing keys and the database: the operator's commands. Holds everything.
    Operator,
}

impl Caller {
    /// The consumer, if there is one.
    pub fn consumer(&self) -> Option<&ConsumerCredential> {
        match self {
            Self::Signed { consumer, .. } => Some(consumer),
            Self::Operator => None,
        }
    }

    /// The token, if there is one.
    pub fn token(&self) -> Option<&TokenFacts> {
        match self {
            Self::Signed { token, .. } => token.as_ref(),
            Self::Operator => None,
        }
    }

    /// The consumer's key, or a refusal: some commands make no sense without a consumer.
    pub fn consumer_key(&self) -> Result<&ConsumerKey> {
        self.consumer().map(|c| &c.key).ok_or_else(|| without_consumer().into())
    }

    /// The service the caller belongs to.
    pub fn service(&self) -> Result<&ServiceName> {
        self.consumer().map(|c| &c.service).ok_or_else(|| without_consumer().into())
    }

    /// Who `me` is.
    pub fn me(&self) -> Me {
        Me { user: self.token().map(|t| t.user), session: self.token().and_then(TokenFacts::session).map(|s| s.id) }
    }

    /// The user a command is about.
    pub fn user(&self, user: UserRef) -> Result<Uuid> {
        match user {
            UserRef::Id(id) => Ok(id),
            UserRef::Me => self
                .token()
                .map(|t| t.user)
                .ok_or_else(|| Refusal::forbidden("users.me", "a request without a token").into()),
        }
    }

    /// Checks an access word that has no placeholder left: the consumer must hold it, and the user too if the request
    /// carries a token.
    pub fn must_hold(&self, word: &str) -> Result<()> {
        let Self::Signed { consumer, token } = self else { return Ok(()) };
        let me = self.me();
        if !consumer.access.permits(word, me) {
            return Err(Refusal::forbidden(word, "the consumer").into());
        }
        if token.as_ref().is_some_and(|token| !token.access().permits(word, me)) {
            return Err(Refusal::forbidden(word, "the user").into());
        }
        Ok(())
    }

    /// The same, for what is done to others: a word with `me` in it does not count.
    pub fn must_hold_for_others(&self, word: &str) -> Result<()> {
        let Self::Signed { consumer, token } = self else { return Ok(()) };
        let nobody = Me::default();
        if !consumer.access.permits(word, nobody) {
            return Err(Refusal::forbidden(word, "the consumer").into());
        }
        if token.as_ref().is_some_and(|token| !token.access().permits(word, nobody)) {
            return Err(Refusal::forbidden(word, "the user").into());
        }
        Ok(())
    }

    /// Refuses to sign in a user who may do more than the caller. What every user may do with their own things does
    /// not count: that is what impersonating is for.
    pub fn must_be_able_to_impersonate(&self, user: Uuid, access: &AccessList) -> Result<()> {
        let Self::Signed { consumer, token } = self else { return Ok(()) };
        let ordinary = AccessList::ordinary_user().with_me_as(user);
        let access = access.with_me_as(user);
        let may = |held: &AccessList| held.and(&ordinary).may_grant(&access);
        if may(&consumer.access) && token.as_ref().is_none_or(|token| may(token.access())) {
            return Ok(());
        }
        Err(Refusal::forbidden(&access.words().join(" "), "the caller, who cannot act for this user,").into())
    }

    /// Refuses to act in the name of a user who may do more than the caller: to make a token for them, or to set their
    /// password. For a caller who is a user, `me` in the other's words means the other.
    pub fn must_be_able_to_act_for(&self, user: Uuid, access: &AccessList) -> Result<()> {
        match self.me().user {
            Some(own) if own != user => self.must_be_able_to_grant(&access.with_me_as(user)),
            _ => self.must_be_able_to_grant(access),
        }
    }

    /// Refuses to hand out access that the caller does not hold.
    pub fn must_be_able_to_grant(&self, granted: &AccessList) -> Result<()> {
        let Self::Signed { consumer, token } = self else { return Ok(()) };
        let user_may = token.as_ref().is_none_or(|token| token.access().may_grant(granted));
        if user_may && consumer.access.may_grant(granted) {
            return Ok(());
        }
        Err(Refusal::forbidden(&granted.words().join(" "), "the caller, who cannot hand it out,").into())
    }
}

fn without_consumer() -> Refusal {
    Refusal::new(shared::error::Code::Forbidden, "only a consumer can ask this")
}
