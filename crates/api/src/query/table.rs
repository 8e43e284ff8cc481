//! The tables of IAM's and STS's operations. What is not in them, but in the model, is answered as
//! not served.

use std::pin::Pin;
use std::sync::Arc;

use serde_json::Value;
use wharf_aws::query::FormError;
use wharf_policy::{Action, Origin, Requester};

use super::{Error, Operation, Unsigned, access};
use crate::Api;
use crate::sts::{
    AssumeRole, GetAccessKeyInfo, GetCallerIdentity, GetFederationToken, GetSessionToken,
};

/// The operations of IAM that are served.
pub static IAM: &[Entry] = &[];

/// The operations of STS that are served.
pub static STS: &[Entry] = &[
    signed::<AssumeRole>(),
    signed::<GetAccessKeyInfo>(),
    signed::<GetCallerIdentity>(),
    signed::<GetFederationToken>(),
    signed::<GetSessionToken>(),
];

/// One operation, callable without knowing its types.
pub struct Entry {
    pub name: &'static str,
    /// The action that the caller must be allowed; None where no credentials are needed.
    pub action: Option<Action>,
    pub(crate) run: Run,
}

type Running = Pin<Box<dyn Future<Output = Result<Value, Error>> + Send>>;

/// How it is called: by a caller, or by anybody.
pub(crate) enum Run {
    Signed(fn(Api, Requester, Value) -> Running),
    Unsigned(fn(Api, Arc<Origin>, Value) -> Running),
}

const fn signed<O: Operation>() -> Entry {
    Entry {
        name: O::NAME,
        action: Some(O::ACTION),
        run: Run::Signed(|api, requester, input| {
            Box::pin(async move {
                let input: O = read(input)?;
                let call = access::admit(api, requester, &input).await?;
                written(&input.run(call).await?)
            })
        }),
    }
}

#[expect(dead_code, reason = "AssumeRoleWithWebIdentity is not served yet")]
const fn unsigned<O: Unsigned>() -> Entry {
    Entry {
        name: O::NAME,
        action: None,
        run: Run::Unsigned(|api, origin, input| {
            Box::pin(async move {
                let input: O = read(input)?;
                written(&input.run(api, origin).await?)
            })
        }),
    }
}

/// The input, which was held against the model: what does not fit is a number out of bounds.
fn read<T: serde::de::DeserializeOwned>(input: Value) -> Result<T, Error> {
    serde_json::from_value(input).map_err(|_| FormError::MalformedInput.into())
}

fn written(output: &impl serde::Serialize) -> Result<Value, Error> {
    Ok(serde_json::to_value(output).map_err(wharf_registry::Error::fault)?)
}
