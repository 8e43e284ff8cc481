//! Tickets: what makes a new upload's address good without a row in the database. The ticket in
//! the `state` parameter is signed and bound to the upload, the repository, the caller and the
//! time; clients follow the address as they were given it, as the specification asks. As soon as
//! bytes have arrived there is a row, and the address goes without a ticket.

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use uuid::Uuid;
use wharf_oci::Algorithm;
use wharf_registry::Repository;
use wharf_registry::upload::{self, Ticket, Upload};

use crate::{Call, query};

const PURPOSE: &str = "upload ticket";
const CODE_LENGTH: usize = 16;

/// Begins an upload and gives its ticket.
pub(crate) fn begin(
    call: &Call,
    repository: &Repository,
    algorithm: Algorithm,
) -> (Upload, String) {
    let (id, issued) = (Uuid::new_v4(), call.registry.now());
    let issuer = upload::issuer(&call.registry);
    let code = code(call, repository, id, (algorithm, issued, issuer));
    let issuer = issuer.simple();
    let ticket = format!("{algorithm}.{issued}.{issuer}.{}", URL_SAFE_NO_PAD.encode(code));
    (upload::ticketed(&call.registry, call.caller(), id, algorithm), ticket)
}

/// The request's ticket, if it has a genuine one for this upload that is in time.
pub(crate) fn read(call: &Call, repository: &Repository, id: &str) -> Option<Ticket> {
    let id = Uuid::try_parse(id).ok()?;
    let ticket = query::value(call.parts.uri.query(), "state")?;
    let mut parts = ticket.splitn(4, '.');
    let algorithm: Algorithm = parts.next()?.parse().ok()?;
    let issued: i64 = parts.next()?.parse().ok()?;
    let issuer = Uuid::try_parse(parts.next()?).ok()?;
    let presented = URL_SAFE_NO_PAD.decode(parts.next()?).ok()?;
    let expected = code(call, repository, id, (algorithm, issued, issuer));
    let in_time = call
        .registry
        .now()
        .checked_sub(issued)
        .is_some_and(|age| age < upload::TICKET_LIFETIME.as_millis() as i64);
    (in_time && call.identity.is_same(&expected, &presented)).then_some(Ticket {
        id,
        algorithm,
        issuer,
    })
}

fn code(
    call: &Call,
    repository: &Repository,
    id: Uuid,
    (algorithm, issued, issuer): (Algorithm, i64, Uuid),
) -> [u8; CODE_LENGTH] {
    let (repository, principal) = (repository.id(), call.caller().user_id());
    // No part but the last can contain a line break.
    let message = format!("{id}\n{repository}\n{algorithm}\n{issued}\n{issuer}\n{principal}");
    let mut code = [0; CODE_LENGTH];
    code.copy_from_slice(&call.identity.sign(PURPOSE, message.as_bytes())[..CODE_LENGTH]);
    code
}
