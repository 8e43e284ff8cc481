//! What AWS keeps and Wharf does not: lists that are always empty, which tools ask for. A file an operation.

mod list_instance_profiles;
mod list_instance_profiles_for_role;
mod list_mfa_devices;
mod list_saml_providers;
mod list_server_certificates;
mod list_service_specific_credentials;
mod list_signing_certificates;
mod list_ssh_public_keys;
mod list_virtual_mfa_devices;

pub use list_instance_profiles::ListInstanceProfiles;
pub use list_instance_profiles_for_role::ListInstanceProfilesForRole;
pub use list_mfa_devices::ListMFADevices;
pub use list_saml_providers::ListSAMLProviders;
pub use list_server_certificates::ListServerCertificates;
pub use list_service_specific_credentials::ListServiceSpecificCredentials;
pub use list_signing_certificates::ListSigningCertificates;
pub use list_ssh_public_keys::ListSSHPublicKeys;
pub use list_virtual_mfa_devices::ListVirtualMFADevices;

use crate::query::{Call, Error, Paged};

/// The only page of a list that is empty. A marker that was not made here is refused all the same.
fn nothing(
    call: &Call,
    parts: &[&str],
    marker: Option<String>,
    max_items: Option<i64>,
) -> Result<Paged, Error> {
    let (_, paged) = call.slice::<()>(parts, marker.as_deref(), max_items, Vec::new())?;
    Ok(paged)
}
