//! AWS's managed policies for ECR and those that teams attach by habit, as data: the documents lie
//! beside this file and are evaluated like any other.
//!
//! Source: the AWS Managed Policy Reference Guide. `ReadOnlyAccess`, `ViewOnlyAccess` and
//! `SecurityAudit`, which name hundreds of services, are reduced to what is served here.

use std::sync::{Arc, LazyLock};

use crate::{Document, Grammar, PARTITION, Policy};

/// A managed policy that belongs to AWS: everybody may attach it, nobody may change it.
#[derive(Clone, Copy, Debug)]
pub struct Managed {
    pub name: &'static str,
    /// `/`, or the path that it has in its ARN, such as `/aws-service-role/`.
    pub path: &'static str,
    /// AWS's id where it is known, otherwise one of ours (`ANPAWHARF…`).
    pub id: &'static str,
    /// The version of the document. AWS's earlier ones are not kept.
    pub version: &'static str,
    /// When the policy was made, in ISO 8601.
    pub created: &'static str,
    /// When this version was made. Where AWS tells only the day or the year, that begins it.
    pub updated: &'static str,
    pub description: &'static str,
    /// The document.
    pub text: &'static str,
}

/// All of them, those for registries first.
pub const MANAGED: &[Managed] = &[
    Managed {
        name: "AmazonEC2ContainerRegistryReadOnly",
        path: "/",
        id: "ANPAIFYZPA37OOHVIH7KQ",
        version: "v3",
        created: "2015-12-21T17:04:15Z",
        updated: "2019-12-10T20:56:32Z",
        description: "Reading what repositories hold.",
        text: include_str!("managed/AmazonEC2ContainerRegistryReadOnly.json"),
    },
    Managed {
        name: "AmazonEC2ContainerRegistryPowerUser",
        path: "/",
        id: "ANPAJDNE5PIHROIBGGDDW",
        version: "v3",
        created: "2015-12-21T17:05:33Z",
        updated: "2019-12-10T20:48:08Z",
        description: "Reading and pushing; no deleting, no policies, no new repositories.",
        text: include_str!("managed/AmazonEC2ContainerRegistryPowerUser.json"),
    },
    Managed {
        name: "AmazonEC2ContainerRegistryFullAccess",
        path: "/",
        id: "ANPAIESRL7KD7IIVF6V4W",
        version: "v3",
        created: "2015-12-21T17:06:48Z",
        updated: "2020-12-05T00:04:19Z",
        description: "Everything in Amazon ECR.",
        text: include_str!("managed/AmazonEC2ContainerRegistryFullAccess.json"),
    },
    Managed {
        name: "AmazonEC2ContainerRegistryPullOnly",
        path: "/",
        id: "ANPAWHARFPULLONLYAAAA",
        version: "v1",
        created: "2024-10-04T16:58:49Z",
        updated: "2024-10-04T16:58:49Z",
        description: "Pulling, also through a cache of an upstream registry.",
        text: include_str!("managed/AmazonEC2ContainerRegistryPullOnly.json"),
    },
    Managed {
        name: "ECRReplicationServiceRolePolicy",
        path: "/aws-service-role/",
        id: "ANPAWHARFREPLICATIONA",
        version: "v1",
        created: "2020-12-04T22:11:28Z",
        updated: "2020-12-04T22:11:28Z",
        description: "What replication may do in the registry that it writes to.",
        text: include_str!("managed/ECRReplicationServiceRolePolicy.json"),
    },
    Managed {
        name: "ECRTemplateServiceRolePolicy",
        path: "/aws-service-role/",
        id: "ANPAWHARFTEMPLATEAAAA",
        version: "v1",
        created: "2024-06-19T23:11:37Z",
        updated: "2024-06-19T23:11:37Z",
        description: "What repository creation templates may do.",
        text: include_str!("managed/ECRTemplateServiceRolePolicy.json"),
    },
    Managed {
        name: "AWSECRPullThroughCache_ServiceRolePolicy",
        path: "/aws-service-role/",
        id: "ANPAWHARFPULLTHROUGHA",
        version: "v4",
        created: "2021-11-26T21:51:00Z",
        updated: "2026-05-12T00:00:00Z",
        description: "What the cache of upstream registries may do.",
        text: include_str!("managed/AWSECRPullThroughCache_ServiceRolePolicy.json"),
    },
    Managed {
        name: "AWSAppRunnerServicePolicyForECRAccess",
        path: "/service-role/",
        id: "ANPAWHARFAPPRUNNERAAA",
        version: "v1",
        created: "2021-05-14T19:17:21Z",
        updated: "2021-05-14T19:17:21Z",
        description: "Pulling, as App Runner needs it.",
        text: include_str!("managed/AWSAppRunnerServicePolicyForECRAccess.json"),
    },
    Managed {
        name: "EC2InstanceProfileForImageBuilderECRContainerBuilds",
        path: "/",
        id: "ANPAWHARFIMAGEBUILDER",
        version: "v1",
        created: "2020-12-11T19:48:15Z",
        updated: "2020-12-11T19:48:15Z",
        description: "Building and pushing container images, as Image Builder needs it.",
        text: include_str!("managed/EC2InstanceProfileForImageBuilderECRContainerBuilds.json"),
    },
    Managed {
        name: "AdministratorAccess",
        path: "/",
        id: "ANPAIWMBCKSKIEE64ZLYK",
        version: "v1",
        created: "2015-02-06T18:39:46Z",
        updated: "2015-02-06T18:39:46Z",
        description: "Everything.",
        text: include_str!("managed/AdministratorAccess.json"),
    },
    Managed {
        name: "PowerUserAccess",
        path: "/",
        id: "ANPAJYRXTHIB4FOVS3ZXS",
        version: "v12",
        created: "2015-02-06T18:39:47Z",
        updated: "2026-02-12T17:59:14Z",
        description: "Everything but the management of users, groups and accounts.",
        text: include_str!("managed/PowerUserAccess.json"),
    },
    Managed {
        name: "IAMFullAccess",
        path: "/",
        id: "ANPAI7XKCFMBPM3QQRRVQ",
        version: "v2",
        created: "2015-02-06T18:40:38Z",
        updated: "2019-06-21T19:40:00Z",
        description: "Everything in IAM.",
        text: include_str!("managed/IAMFullAccess.json"),
    },
    Managed {
        name: "IAMReadOnlyAccess",
        path: "/",
        id: "ANPAJKSO7NDY4T57MWDSQ",
        version: "v4",
        created: "2015-02-06T18:40:39Z",
        updated: "2018-01-25T19:11:27Z",
        description: "Reading IAM.",
        text: include_str!("managed/IAMReadOnlyAccess.json"),
    },
    Managed {
        name: "ReadOnlyAccess",
        path: "/",
        id: "ANPAILL3HVNFSB6DCOWYQ",
        version: "v188",
        created: "2015-02-06T18:39:48Z",
        updated: "2026-01-01T00:00:00Z",
        description: "Reading everything; here ECR, IAM and STS.",
        text: include_str!("managed/ReadOnlyAccess.json"),
    },
    Managed {
        name: "ViewOnlyAccess",
        path: "/job-function/",
        id: "ANPAID22R6XPJATWOFDK6",
        version: "v45",
        created: "2016-11-10T17:20:15Z",
        updated: "2026-01-01T00:00:00Z",
        description: "Listing, without contents; here ECR and IAM.",
        text: include_str!("managed/ViewOnlyAccess.json"),
    },
    Managed {
        name: "SecurityAudit",
        path: "/",
        id: "ANPAIX2T3QCXHR2OGGCTO",
        version: "v92",
        created: "2015-02-06T18:41:01Z",
        updated: "2026-01-01T00:00:00Z",
        description: "Reading how things are secured; here ECR and IAM.",
        text: include_str!("managed/SecurityAudit.json"),
    },
];

/// The documents compiled, in the order of [`MANAGED`].
static COMPILED: LazyLock<Vec<Arc<Policy>>> =
    LazyLock::new(|| MANAGED.iter().map(|managed| managed.compile().into()).collect());

impl Managed {
    /// The policy of this ARN, if it is one of them.
    #[must_use]
    pub fn find(arn: &str) -> Option<&'static Managed> {
        MANAGED.iter().find(|managed| managed.has(arn))
    }

    /// The compiled policy of this ARN, shared by all who have it attached.
    #[must_use]
    pub fn policy(arn: &str) -> Option<Arc<Policy>> {
        MANAGED.iter().position(|managed| managed.has(arn)).map(|index| COMPILED[index].clone())
    }

    #[must_use]
    pub fn arn(&self) -> String {
        format!("arn:{PARTITION}:iam::aws:policy{}{}", self.path, self.name)
    }

    fn has(&self, arn: &str) -> bool {
        arn.ends_with(self.name) && arn == self.arn()
    }

    fn compile(&self) -> Policy {
        let document = Document::parse(self.text, Grammar::Identity)
            .expect("a test reads the documents that are shipped");
        Policy::new(&document, Grammar::Identity, self.name).with_arn(&self.arn())
    }
}
