//! The OCI distribution protocol under `/v2/`, for docker, containerd, podman, Helm and the rest.
//!
//! The raw path is parsed once into a typed [`route::Route`]; every endpoint has a file of its own
//! and reaches a repository only through the registry's gate. Where ECR and the specification
//! disagree here, the specification wins; `docs/book/push-and-pull.md` lists each such choice.

mod answer;
mod authentication;
mod blobs;
mod catalog;
mod host;
mod manifests;
mod query;
mod range;
mod referrers;
mod route;
mod tags;
mod ticket;
mod uploads;

pub use answer::{Outcome, Reply};
pub use blobs::SendFile;

use std::sync::Arc;

use axum::body::Body;
use http::request::Parts;
use http::{Method, Request, Response};
use wharf_identity::Identity;
use wharf_oci::RepositoryName;
use wharf_policy::{Action, Caller, Facts, Requester, Trail};
use wharf_registry::{Ask, Error, Registry, RegistryId, Repository};

use crate::authentication::Refused;
use crate::route::{NotARoute, Route};

/// The id of a request, for its answer and for the log of a fault; the listener puts it into the
/// request's extensions.
#[derive(Clone, Copy, Debug)]
pub struct RequestId(pub uuid::Uuid);

/// The protocol's front: cheap to clone, shared by the process.
#[derive(Clone)]
pub struct Distribution {
    pub registry: Registry,
    pub identity: Identity,
    /// Whether there is an audit trail that wants to know of calls.
    pub audited: bool,
    /// `http` or `https`, as clients see it, for the challenge.
    pub scheme: Arc<str>,
}

/// An authenticated request to one registry.
pub(crate) struct Call {
    pub(crate) registry: Registry,
    pub(crate) identity: Identity,
    pub(crate) requester: Requester,
    pub(crate) id: RegistryId,
    pub(crate) parts: Parts,
}

impl Distribution {
    /// Answers a request whose path begins with `/v2`.
    pub async fn serve(&self, request: Request<Body>) -> Response<Body> {
        let (parts, body) = request.into_parts();
        let head = parts.method == Method::HEAD;
        let (requester, id) = match self.authenticate(&parts).await {
            Ok(known) => known,
            Err(refused) => return self.challenge(&parts, refused),
        };
        let (told, request) = (requester.clone(), parts.extensions.get().copied());
        let (registry, identity) = (self.registry.clone(), self.identity.clone());
        let call = Call { registry, identity, requester, id, parts };
        let reply = match call.answer(body).await {
            Ok(reply) => reply,
            Err(error) => Reply::refusal(&error, request),
        };
        reply.finish(head, Some(told))
    }

    /// Where the decisions about a call are noted, if anybody wants them.
    fn trail(&self) -> Trail {
        if self.audited { Trail::kept() } else { Trail::default() }
    }

    fn challenge(&self, parts: &Parts, refused: Refused) -> Response<Body> {
        let head = parts.method == Method::HEAD;
        let request = parts.extensions.get().copied();
        refused.reply(&self.scheme, host::of(parts), request).finish(head, None)
    }
}

impl Call {
    /// Who calls.
    pub(crate) fn caller(&self) -> &Arc<Caller> {
        self.requester.caller()
    }

    /// The repository of this name, for `action`.
    pub(crate) async fn repository(
        &self,
        action: Action,
        name: &RepositoryName,
    ) -> Result<Repository, Error> {
        self.repository_with(action, name, &[]).await
    }

    /// The repository of this name, for `action` on images of which this is known.
    pub(crate) async fn repository_with(
        &self,
        action: Action,
        name: &RepositoryName,
        facts: &[Facts],
    ) -> Result<Repository, Error> {
        self.registry.admit(&self.requester, action)?;
        let ask = Ask { requester: &self.requester, action, facts };
        self.registry.repository(ask, &self.id, name.as_str()).await
    }

    async fn answer(self, body: Body) -> Result<Reply, Error> {
        let route = match Route::parse(self.parts.uri.path()) {
            Ok(route) => route,
            Err(NotARoute::Unknown) => return Ok(Reply::not_found()),
            Err(NotARoute::Name(name)) => return Err(Error::NameInvalid(name)),
        };
        let method = self.parts.method.clone();
        match (&route, method.as_str()) {
            (Route::Base, "GET" | "HEAD") => Ok(Reply::base()),
            (Route::Catalog, "GET") => catalog::list(&self).await,
            (Route::Tags { name }, "GET") => tags::list(&self, name).await,
            (Route::Referrers { name, digest }, "GET") => {
                referrers::list(&self, name, digest).await
            }
            (Route::Manifest { name, reference }, "GET" | "HEAD") => {
                manifests::get(&self, name, reference).await
            }
            (Route::Manifest { name, reference }, "PUT") => {
                manifests::put(&self, name, reference, body).await
            }
            (Route::Manifest { name, reference }, "DELETE") => {
                manifests::delete(&self, name, reference).await
            }
            (Route::Blob { name, digest }, "HEAD") => blobs::head(&self, name, digest).await,
            (Route::Blob { name, digest }, "GET") => blobs::get(&self, name, digest).await,
            (Route::Blob { name, digest }, "DELETE") => blobs::delete(&self, name, digest).await,
            (Route::Uploads { name }, "POST") => uploads::post(&self, name, body).await,
            (Route::Upload { name, id }, "GET") => uploads::get(&self, name, id).await,
            (Route::Upload { name, id }, "PATCH") => uploads::patch(&self, name, id, body).await,
            (Route::Upload { name, id }, "PUT") => uploads::put(&self, name, id, body).await,
            (Route::Upload { name, id }, "DELETE") => uploads::delete(&self, name, id).await,
            _ => Err(Error::Unsupported(format!("{method} is not an operation on this path"))),
        }
    }
}
