//! Who is calling: a registry token as the password of Basic authentication, or a link that
//! GetDownloadUrlForLayer made. Nobody anonymous gets past here.

use http::header::{AUTHORIZATION, REFERER, USER_AGENT};
use http::request::Parts;
use http::{Method, StatusCode};
use wharf_identity::{Claims, TokenFault};
use wharf_policy::{Origin, Region, Requester, Source};
use wharf_registry::{Error, RegistryId};

use crate::{Distribution, Reply, RequestId, host};

/// Why a request is not let in, as ECR tells it.
pub(crate) enum Refused {
    /// No credentials, or none that were made here.
    Unknown,
    Expired,
    /// The key behind the token was deleted or deactivated, or the session's role or user.
    Inactive,
    /// A genuine token of another Region than the host names.
    OtherRegion {
        token: Region,
        host: Region,
    },
    Fault(Error),
}

impl Distribution {
    /// Who calls, and the registry that is addressed: the one that the host names, else the one
    /// that issued the token.
    pub(crate) async fn authenticate(
        &self,
        parts: &Parts,
    ) -> Result<(Requester, RegistryId), Refused> {
        let now = self.registry.now();
        let (access_key_id, session, account, region) = match basic(parts) {
            Some(basic) => match self.identity.read_token(basic, now) {
                Ok(claims) => {
                    let Claims { access_key_id, session, account, region, .. } = &*claims;
                    (access_key_id.clone(), session.clone(), account.clone(), region.clone())
                }
                Err(TokenFault::Expired) => return Err(Refused::Expired),
                Err(TokenFault::Unknown) => return Err(Refused::Unknown),
            },
            None => {
                let query = parts.uri.query().filter(|_| parts.method == Method::GET);
                let link = query
                    .and_then(|query| self.identity.read_link(parts.uri.path(), query, now))
                    .ok_or(Refused::Unknown)?;
                (link.access_key_id, link.session, link.account, link.region)
            }
        };
        let named = host::registry(host::of(parts));
        if let Some(id) = &named
            && id.region != region
        {
            return Err(Refused::OtherRegion { token: region, host: id.region.clone() });
        }
        let found = self.identity.principal(&access_key_id, session.as_ref(), now).await;
        let found = found.map_err(|error| {
            Refused::Fault(match error {
                wharf_identity::Error::Db(error) => error.into(),
                other => Error::fault(other),
            })
        })?;
        let principal = found.ok_or(Refused::Inactive)?;
        let origin = origin(parts, region.clone(), now).into();
        let id = named.unwrap_or(RegistryId { account, region });
        Ok((Requester { principal, origin, trail: self.trail() }, id))
    }
}

/// How the request came. The listener puts its [`Source`] into the extensions.
fn origin(parts: &Parts, region: Region, now: i64) -> Origin {
    let text = |name| Some(parts.headers.get(name)?.to_str().ok()?.into());
    Origin {
        source: parts.extensions.get().copied().unwrap_or(Source::UNKNOWN),
        user_agent: text(USER_AGENT),
        referer: text(REFERER),
        region,
        now,
    }
}

fn basic(parts: &Parts) -> Option<&str> {
    let value = parts.headers.get(AUTHORIZATION)?.to_str().ok()?;
    let (scheme, credentials) = value.split_once(' ')?;
    scheme.eq_ignore_ascii_case("basic").then_some(credentials)
}

impl Refused {
    /// The answer. Bearer is never offered, since there is no token server.
    pub(crate) fn reply(self, scheme: &str, host: &str, request: Option<RequestId>) -> Reply {
        match self {
            Refused::Unknown => {
                let realm =
                    format!("Basic realm=\"{scheme}://{host}/\",service=\"ecr.amazonaws.com\"");
                Reply::text(StatusCode::UNAUTHORIZED, "Not Authorized\n")
                    .header("www-authenticate", &realm)
                    .error("UNAUTHORIZED", "Not Authorized")
            }
            Refused::Expired => Reply::error_of(
                StatusCode::FORBIDDEN,
                "DENIED",
                "Your authorization token has expired. Reauthenticate and try again.",
            ),
            Refused::Inactive => Reply::error_of(
                StatusCode::FORBIDDEN,
                "DENIED",
                "The principal of this authorization token is no longer active. Reauthenticate \
                 and try again.",
            ),
            Refused::OtherRegion { token, host } => Reply::error_of(
                StatusCode::BAD_REQUEST,
                "DENIED",
                &format!(
                    "This authorization token is of Region {token}, the registry is in Region \
                     {host}. Get a token with --region {host} and log in again."
                ),
            ),
            Refused::Fault(error) => Reply::refusal(&error, request),
        }
    }
}
