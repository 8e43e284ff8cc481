//! The tables of IAM's and STS's operations. What is not in them, but in the model, is answered as
//! not served.

use std::pin::Pin;
use std::sync::Arc;

use serde_json::Value;
use wharf_aws::query::FormError;
use wharf_policy::{Action, Origin, Requester};

use super::operation::Proven;
use super::{Error, Operation, Unsigned, access};
use crate::Api;
use crate::iam::absent::{
    ListInstanceProfiles, ListInstanceProfilesForRole, ListMFADevices, ListSAMLProviders,
    ListSSHPublicKeys, ListServerCertificates, ListServiceSpecificCredentials,
    ListSigningCertificates, ListVirtualMFADevices,
};
use crate::iam::access_keys::{
    CreateAccessKey, DeleteAccessKey, GetAccessKeyLastUsed, ListAccessKeys, UpdateAccessKey,
};
use crate::iam::account::{
    CreateAccountAlias, DeleteAccountAlias, GetAccountAuthorizationDetails,
    GetAccountPasswordPolicy, GetAccountSummary, ListAccountAliases,
};
use crate::iam::attachments::{
    AttachGroupPolicy, AttachRolePolicy, AttachUserPolicy, DetachGroupPolicy, DetachRolePolicy,
    DetachUserPolicy, ListAttachedGroupPolicies, ListAttachedRolePolicies,
    ListAttachedUserPolicies,
};
use crate::iam::boundaries::{
    DeleteRolePermissionsBoundary, DeleteUserPermissionsBoundary, PutRolePermissionsBoundary,
    PutUserPermissionsBoundary,
};
use crate::iam::groups::{
    AddUserToGroup, CreateGroup, DeleteGroup, GetGroup, ListGroups, ListGroupsForUser,
    RemoveUserFromGroup, UpdateGroup,
};
use crate::iam::inline_policies::{
    DeleteGroupPolicy, DeleteRolePolicy, DeleteUserPolicy, GetGroupPolicy, GetRolePolicy,
    GetUserPolicy, ListGroupPolicies, ListRolePolicies, ListUserPolicies, PutGroupPolicy,
    PutRolePolicy, PutUserPolicy,
};
use crate::iam::login_profiles::{
    ChangePassword, CreateLoginProfile, DeleteLoginProfile, GetLoginProfile, UpdateLoginProfile,
};
use crate::iam::oidc::{
    AddClientIDToOpenIDConnectProvider, CreateOpenIDConnectProvider, DeleteOpenIDConnectProvider,
    GetOpenIDConnectProvider, ListOpenIDConnectProviderTags, ListOpenIDConnectProviders,
    RemoveClientIDFromOpenIDConnectProvider, TagOpenIDConnectProvider, UntagOpenIDConnectProvider,
    UpdateOpenIDConnectProviderThumbprint,
};
use crate::iam::policies::{
    CreatePolicy, CreatePolicyVersion, DeletePolicy, DeletePolicyVersion, GetPolicy,
    GetPolicyVersion, ListEntitiesForPolicy, ListPolicies, ListPolicyTags, ListPolicyVersions,
    SetDefaultPolicyVersion, TagPolicy, UntagPolicy,
};
use crate::iam::roles::{
    CreateRole, DeleteRole, GetRole, ListRoleTags, ListRoles, TagRole, UntagRole,
    UpdateAssumeRolePolicy, UpdateRole, UpdateRoleDescription,
};
use crate::iam::users::{
    CreateUser, DeleteUser, GetUser, ListUserTags, ListUsers, TagUser, UntagUser, UpdateUser,
};
use crate::sts::{
    AssumeRole, AssumeRoleWithWebIdentity, GetAccessKeyInfo, GetCallerIdentity, GetFederationToken,
    GetSessionToken,
};

/// The operations of IAM that are served.
pub static IAM: &[Entry] = &[
    signed::<AddClientIDToOpenIDConnectProvider>(),
    signed::<AddUserToGroup>(),
    signed::<AttachGroupPolicy>(),
    signed::<AttachRolePolicy>(),
    signed::<AttachUserPolicy>(),
    signed::<ChangePassword>(),
    signed::<CreateAccessKey>(),
    signed::<CreateAccountAlias>(),
    signed::<CreateGroup>(),
    signed::<CreateLoginProfile>(),
    signed::<CreateOpenIDConnectProvider>(),
    signed::<CreatePolicy>(),
    signed::<CreatePolicyVersion>(),
    signed::<CreateRole>(),
    signed::<CreateUser>(),
    signed::<DeleteAccessKey>(),
    signed::<DeleteAccountAlias>(),
    signed::<DeleteGroup>(),
    signed::<DeleteGroupPolicy>(),
    signed::<DeleteLoginProfile>(),
    signed::<DeleteOpenIDConnectProvider>(),
    signed::<DeletePolicy>(),
    signed::<DeletePolicyVersion>(),
    signed::<DeleteRole>(),
    signed::<DeleteRolePermissionsBoundary>(),
    signed::<DeleteRolePolicy>(),
    signed::<DeleteUser>(),
    signed::<DeleteUserPermissionsBoundary>(),
    signed::<DeleteUserPolicy>(),
    signed::<DetachGroupPolicy>(),
    signed::<DetachRolePolicy>(),
    signed::<DetachUserPolicy>(),
    signed::<GetAccessKeyLastUsed>(),
    signed::<GetAccountAuthorizationDetails>(),
    signed::<GetAccountPasswordPolicy>(),
    signed::<GetAccountSummary>(),
    signed::<GetGroup>(),
    signed::<GetGroupPolicy>(),
    signed::<GetLoginProfile>(),
    signed::<GetOpenIDConnectProvider>(),
    signed::<GetPolicy>(),
    signed::<GetPolicyVersion>(),
    signed::<GetRole>(),
    signed::<GetRolePolicy>(),
    signed::<GetUser>(),
    signed::<GetUserPolicy>(),
    signed::<ListAccessKeys>(),
    signed::<ListAccountAliases>(),
    signed::<ListAttachedGroupPolicies>(),
    signed::<ListAttachedRolePolicies>(),
    signed::<ListAttachedUserPolicies>(),
    signed::<ListEntitiesForPolicy>(),
    signed::<ListGroupPolicies>(),
    signed::<ListGroups>(),
    signed::<ListGroupsForUser>(),
    signed::<ListInstanceProfiles>(),
    signed::<ListInstanceProfilesForRole>(),
    signed::<ListMFADevices>(),
    signed::<ListOpenIDConnectProviderTags>(),
    signed::<ListOpenIDConnectProviders>(),
    signed::<ListPolicies>(),
    signed::<ListPolicyTags>(),
    signed::<ListPolicyVersions>(),
    signed::<ListRolePolicies>(),
    signed::<ListRoleTags>(),
    signed::<ListRoles>(),
    signed::<ListSAMLProviders>(),
    signed::<ListSSHPublicKeys>(),
    signed::<ListServerCertificates>(),
    signed::<ListServiceSpecificCredentials>(),
    signed::<ListSigningCertificates>(),
    signed::<ListUserPolicies>(),
    signed::<ListUserTags>(),
    signed::<ListUsers>(),
    signed::<ListVirtualMFADevices>(),
    signed::<PutGroupPolicy>(),
    signed::<PutRolePermissionsBoundary>(),
    signed::<PutRolePolicy>(),
    signed::<PutUserPermissionsBoundary>(),
    signed::<PutUserPolicy>(),
    signed::<RemoveClientIDFromOpenIDConnectProvider>(),
    signed::<RemoveUserFromGroup>(),
    signed::<SetDefaultPolicyVersion>(),
    signed::<TagOpenIDConnectProvider>(),
    signed::<TagPolicy>(),
    signed::<TagRole>(),
    signed::<TagUser>(),
    signed::<UntagOpenIDConnectProvider>(),
    signed::<UntagPolicy>(),
    signed::<UntagRole>(),
    signed::<UntagUser>(),
    signed::<UpdateAccessKey>(),
    signed::<UpdateAssumeRolePolicy>(),
    signed::<UpdateGroup>(),
    signed::<UpdateLoginProfile>(),
    signed::<UpdateOpenIDConnectProviderThumbprint>(),
    signed::<UpdateRole>(),
    signed::<UpdateRoleDescription>(),
    signed::<UpdateUser>(),
];

/// The operations of STS that are served.
pub static STS: &[Entry] = &[
    signed::<AssumeRole>(),
    unsigned::<AssumeRoleWithWebIdentity>(),
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
    Unsigned(fn(Api, Arc<Origin>, Arc<Proven>, Value) -> Running),
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

const fn unsigned<O: Unsigned>() -> Entry {
    Entry {
        name: O::NAME,
        action: None,
        run: Run::Unsigned(|api, origin, proven, input| {
            Box::pin(async move {
                let input: O = read(input)?;
                written(&input.run(api, origin, proven).await?)
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
