//! Request rates: how often an account may ask for each action, as an option. Each process counts
//! for itself.
//!
//! Source: "Amazon ECR service quotas", User Guide: "Rate of … requests".

use std::collections::HashMap;
use std::num::NonZeroU32;

use governor::clock::MonotonicClock;
use governor::middleware::NoOpMiddleware;
use governor::state::keyed::HashMapStateStore;
use governor::{Quota, RateLimiter};
use wharf_policy::{AccountId, Action};

use crate::Error;

/// ECR's own rates, a second, in each Region.
pub const ECR: [(Action, NonZeroU32); 8] = [
    (Action::GET_AUTHORIZATION_TOKEN, rate(500)),
    (Action::BATCH_CHECK_LAYER_AVAILABILITY, rate(1000)),
    (Action::BATCH_GET_IMAGE, rate(2000)),
    (Action::GET_DOWNLOAD_URL_FOR_LAYER, rate(3000)),
    (Action::INITIATE_LAYER_UPLOAD, rate(100)),
    (Action::UPLOAD_LAYER_PART, rate(500)),
    (Action::COMPLETE_LAYER_UPLOAD, rate(100)),
    (Action::PUT_IMAGE, rate(10)),
];

const fn rate(a_second: u32) -> NonZeroU32 {
    NonZeroU32::new(a_second).expect("each of ECR's rates is above zero")
}

type Limiter = RateLimiter<
    AccountId,
    HashMapStateStore<AccountId>,
    MonotonicClock,
    NoOpMiddleware<std::time::Instant>,
>;

/// The buckets of each action that has a rate.
pub(crate) struct Rates(HashMap<Action, Limiter>);

impl Rates {
    /// Buckets that hold what may come in one second.
    pub(crate) fn new(rates: &[(Action, NonZeroU32)]) -> Rates {
        let limiter =
            |rate| RateLimiter::hashmap_with_clock(Quota::per_second(rate), MonotonicClock);
        Rates(rates.iter().map(|(action, rate)| (*action, limiter(*rate))).collect())
    }

    /// Takes one from the account's bucket.
    pub(crate) fn take(&self, account: &AccountId, action: Action) -> Result<(), Error> {
        match self.0.get(&action).map(|limiter| limiter.check_key(account)) {
            Some(Err(_)) => Err(Error::Throttled),
            None | Some(Ok(())) => Ok(()),
        }
    }
}
