//! The actions of ECR that a policy can name.
//!
//! Source: the Service Authorization Reference, "Actions, resources, and condition keys for Amazon
//! Elastic Container Registry". The four replication back-fill actions are not published there;
//! they carry the names of their operations.

use std::fmt;

/// An action, `service:Operation` in AWS's own casing.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub struct Action(&'static str);

impl fmt::Display for Action {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.write_str(self.0)
    }
}

impl Action {
    /// An action of another service, such as `iam:CreateUser`; ECR's have constants.
    #[must_use]
    pub const fn new(name: &'static str) -> Action {
        Action(name)
    }

    /// The name, such as `ecr:PutImage`.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        self.0
    }

    /// Whether doing it can change anything that is stored: the access levels Write, Tagging and
    /// Permissions management of the reference, and not Read and List, which are told by the verb.
    #[must_use]
    pub fn is_write(self) -> bool {
        Action::writes(self.0.rsplit(':').next().unwrap_or_default())
    }

    /// The same by the name of the operation alone, such as `PutImage`.
    #[must_use]
    pub fn writes(verb: &str) -> bool {
        let verb = verb.strip_prefix("Batch").unwrap_or(verb);
        // What STS hands out it does not store.
        const READ: [&str; 7] =
            ["Get", "List", "Describe", "Check", "Validate", "Simulate", "Assume"];
        !READ.iter().any(|read| verb.starts_with(read))
    }
}

/// Actions on one repository.
impl Action {
    pub const BATCH_CHECK_LAYER_AVAILABILITY: Action = Action("ecr:BatchCheckLayerAvailability");
    pub const BATCH_DELETE_IMAGE: Action = Action("ecr:BatchDeleteImage");
    pub const BATCH_GET_IMAGE: Action = Action("ecr:BatchGetImage");
    pub const BATCH_GET_REPOSITORY_SCANNING_CONFIGURATION: Action =
        Action("ecr:BatchGetRepositoryScanningConfiguration");
    pub const BATCH_IMPORT_UPSTREAM_IMAGE: Action = Action("ecr:BatchImportUpstreamImage");
    pub const COMPLETE_LAYER_UPLOAD: Action = Action("ecr:CompleteLayerUpload");
    pub const CREATE_REPOSITORY: Action = Action("ecr:CreateRepository");
    pub const DELETE_LIFECYCLE_POLICY: Action = Action("ecr:DeleteLifecyclePolicy");
    pub const DELETE_REPOSITORY: Action = Action("ecr:DeleteRepository");
    pub const DELETE_REPOSITORY_POLICY: Action = Action("ecr:DeleteRepositoryPolicy");
    pub const DESCRIBE_IMAGE_REPLICATION_STATUS: Action =
        Action("ecr:DescribeImageReplicationStatus");
    pub const DESCRIBE_IMAGES: Action = Action("ecr:DescribeImages");
    pub const DESCRIBE_IMAGE_SCAN_FINDINGS: Action = Action("ecr:DescribeImageScanFindings");
    pub const DESCRIBE_IMAGE_SIGNING_STATUS: Action = Action("ecr:DescribeImageSigningStatus");
    pub const DESCRIBE_REPOSITORIES: Action = Action("ecr:DescribeRepositories");
    pub const GET_DOWNLOAD_URL_FOR_LAYER: Action = Action("ecr:GetDownloadUrlForLayer");
    pub const GET_IMAGE_COPY_STATUS: Action = Action("ecr:GetImageCopyStatus");
    pub const GET_LIFECYCLE_POLICY: Action = Action("ecr:GetLifecyclePolicy");
    pub const GET_LIFECYCLE_POLICY_PREVIEW: Action = Action("ecr:GetLifecyclePolicyPreview");
    pub const GET_REPOSITORY_POLICY: Action = Action("ecr:GetRepositoryPolicy");
    pub const INITIATE_LAYER_UPLOAD: Action = Action("ecr:InitiateLayerUpload");
    pub const LIST_IMAGES: Action = Action("ecr:ListImages");
    pub const LIST_TAGS_FOR_RESOURCE: Action = Action("ecr:ListTagsForResource");
    pub const PUT_IMAGE: Action = Action("ecr:PutImage");
    pub const PUT_IMAGE_SCANNING_CONFIGURATION: Action =
        Action("ecr:PutImageScanningConfiguration");
    pub const PUT_IMAGE_TAG_MUTABILITY: Action = Action("ecr:PutImageTagMutability");
    pub const PUT_LIFECYCLE_POLICY: Action = Action("ecr:PutLifecyclePolicy");
    pub const REPLICATE_IMAGE: Action = Action("ecr:ReplicateImage");
    pub const SET_REPOSITORY_POLICY: Action = Action("ecr:SetRepositoryPolicy");
    pub const START_IMAGE_SCAN: Action = Action("ecr:StartImageScan");
    pub const START_LIFECYCLE_POLICY_PREVIEW: Action = Action("ecr:StartLifecyclePolicyPreview");
    pub const TAG_RESOURCE: Action = Action("ecr:TagResource");
    pub const UNTAG_RESOURCE: Action = Action("ecr:UntagResource");
    pub const UPDATE_IMAGE_STORAGE_CLASS: Action = Action("ecr:UpdateImageStorageClass");
    pub const UPLOAD_LAYER_PART: Action = Action("ecr:UploadLayerPart");
}

/// Actions on the registry as a whole: their resource is `*`.
impl Action {
    pub const CREATE_PULL_THROUGH_CACHE_RULE: Action = Action("ecr:CreatePullThroughCacheRule");
    pub const CREATE_REPOSITORY_CREATION_TEMPLATE: Action =
        Action("ecr:CreateRepositoryCreationTemplate");
    pub const DELETE_PULL_THROUGH_CACHE_RULE: Action = Action("ecr:DeletePullThroughCacheRule");
    pub const DELETE_REGISTRY_POLICY: Action = Action("ecr:DeleteRegistryPolicy");
    pub const DELETE_REPOSITORY_CREATION_TEMPLATE: Action =
        Action("ecr:DeleteRepositoryCreationTemplate");
    pub const DELETE_SIGNING_CONFIGURATION: Action = Action("ecr:DeleteSigningConfiguration");
    pub const DEREGISTER_PULL_TIME_UPDATE_EXCLUSION: Action =
        Action("ecr:DeregisterPullTimeUpdateExclusion");
    pub const DESCRIBE_PULL_THROUGH_CACHE_RULES: Action =
        Action("ecr:DescribePullThroughCacheRules");
    pub const DESCRIBE_REGISTRY: Action = Action("ecr:DescribeRegistry");
    pub const DESCRIBE_REPOSITORY_CREATION_TEMPLATES: Action =
        Action("ecr:DescribeRepositoryCreationTemplates");
    pub const GET_ACCOUNT_SETTING: Action = Action("ecr:GetAccountSetting");
    pub const GET_AUTHORIZATION_TOKEN: Action = Action("ecr:GetAuthorizationToken");
    pub const GET_REGISTRY_POLICY: Action = Action("ecr:GetRegistryPolicy");
    pub const GET_REGISTRY_SCANNING_CONFIGURATION: Action =
        Action("ecr:GetRegistryScanningConfiguration");
    pub const GET_SIGNING_CONFIGURATION: Action = Action("ecr:GetSigningConfiguration");
    pub const LIST_PULL_TIME_UPDATE_EXCLUSIONS: Action = Action("ecr:ListPullTimeUpdateExclusions");
    pub const PUT_ACCOUNT_SETTING: Action = Action("ecr:PutAccountSetting");
    pub const PUT_REGISTRY_POLICY: Action = Action("ecr:PutRegistryPolicy");
    pub const PUT_REGISTRY_SCANNING_CONFIGURATION: Action =
        Action("ecr:PutRegistryScanningConfiguration");
    pub const PUT_REPLICATION_CONFIGURATION: Action = Action("ecr:PutReplicationConfiguration");
    pub const PUT_SIGNING_CONFIGURATION: Action = Action("ecr:PutSigningConfiguration");
    pub const REGISTER_PULL_TIME_UPDATE_EXCLUSION: Action =
        Action("ecr:RegisterPullTimeUpdateExclusion");
    pub const UPDATE_PULL_THROUGH_CACHE_RULE: Action = Action("ecr:UpdatePullThroughCacheRule");
    pub const UPDATE_REPOSITORY_CREATION_TEMPLATE: Action =
        Action("ecr:UpdateRepositoryCreationTemplate");
    pub const VALIDATE_PULL_THROUGH_CACHE_RULE: Action = Action("ecr:ValidatePullThroughCacheRule");
    pub const START_REPLICATION_BACKFILL: Action = Action("ecr:StartReplicationBackfill");
    pub const STOP_REPLICATION_BACKFILL: Action = Action("ecr:StopReplicationBackfill");
    pub const LIST_REPLICATION_BACKFILLS: Action = Action("ecr:ListReplicationBackfills");
    pub const DESCRIBE_REPLICATION_BACKFILL_RESULTS: Action =
        Action("ecr:DescribeReplicationBackfillResults");
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reading_and_writing_are_told_apart_as_the_reference_does() {
        for action in [
            Action::BATCH_CHECK_LAYER_AVAILABILITY,
            Action::BATCH_GET_IMAGE,
            Action::DESCRIBE_IMAGES,
            Action::GET_AUTHORIZATION_TOKEN,
            Action::GET_DOWNLOAD_URL_FOR_LAYER,
            Action::LIST_IMAGES,
            Action::VALIDATE_PULL_THROUGH_CACHE_RULE,
            Action::new("iam:SimulatePrincipalPolicy"),
            Action::new("sts:AssumeRole"),
        ] {
            assert!(!action.is_write(), "{action}");
        }
        for action in [
            Action::BATCH_DELETE_IMAGE,
            Action::BATCH_IMPORT_UPSTREAM_IMAGE,
            Action::COMPLETE_LAYER_UPLOAD,
            Action::INITIATE_LAYER_UPLOAD,
            Action::PUT_IMAGE,
            Action::SET_REPOSITORY_POLICY,
            Action::START_IMAGE_SCAN,
            Action::TAG_RESOURCE,
            Action::UNTAG_RESOURCE,
            Action::new("iam:CreateUser"),
        ] {
            assert!(action.is_write(), "{action}");
        }
    }
}
