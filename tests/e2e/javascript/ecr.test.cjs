// The AWS SDK for JavaScript through every operation that is served: answers of the right types,
// exceptions of the right classes, paginators and waiters. Run by Node.js's own test runner.

const assert = require("node:assert/strict");
const { after, test } = require("node:test");
const sdk = require("@aws-sdk/client-ecr");
const {
  ACCOUNT, INDEX, MANIFEST, book, call, digest, image, index, isRecent, push, refuses, registry,
  untested, upload,
} = require("./registry.cjs");

const repositoryName = "team/app";
const ABSENT = digest("nobody pushed this");
const NOT_SERVED_YET =
  " is an operation of Amazon ECR that this version of Wharf does not serve yet. The page" +
  " 'What is served' of the Wharf book lists those it serves";

after(() => assert.deepEqual(untested(), [], "served operations without a test"));

/** A client whose registry has one repository. */
async function withRepository(members = {}) {
  const client = registry();
  await call(client, "CreateRepository", { repositoryName, ...members });
  return client;
}

test("a repository", async () => {
  const client = registry();
  const filters = [{ filterType: "WILDCARD", filter: "dev-*" }];
  const made = await call(client, "CreateRepository", {
    repositoryName,
    tags: [{ Key: "team", Value: "harbour" }],
    imageTagMutability: "IMMUTABLE_WITH_EXCLUSION",
    imageTagMutabilityExclusionFilters: filters,
    imageScanningConfiguration: { scanOnPush: true },
    encryptionConfiguration: { encryptionType: "KMS", kmsKey: "alias/mine" },
  });
  assert.equal(made.$metadata.httpStatusCode, 200);
  assert.ok(made.$metadata.requestId);
  const { repository } = made;
  isRecent(repository.createdAt);
  const region = await client.config.region();
  assert.deepEqual(repository, {
    repositoryArn: `arn:aws:ecr:${region}:${ACCOUNT}:repository/team/app`,
    registryId: ACCOUNT,
    repositoryName,
    repositoryUri: repository.repositoryUri,
    createdAt: repository.createdAt,
    imageTagMutability: "IMMUTABLE_WITH_EXCLUSION",
    imageTagMutabilityExclusionFilters: filters,
    imageScanningConfiguration: { scanOnPush: true },
    encryptionConfiguration: {
      encryptionType: "KMS",
      kmsKey: `arn:aws:kms:${region}:${ACCOUNT}:alias/mine`,
    },
  });
  const found = await call(client, "DescribeRepositories", { repositoryNames: [repositoryName] });
  assert.deepEqual(found.repositories, [repository]);
  const gone = await call(client, "DeleteRepository", { repositoryName });
  assert.deepEqual(gone.repository, repository);
});

test("a repository that is refused", async () => {
  const client = await withRepository();
  const again = { repositoryName };
  const exists = `The repository with name 'team/app' already exists in the registry with id '${ACCOUNT}'`;
  await refuses(client, "CreateRepository", again, "RepositoryAlreadyExistsException", exists);
  const absent = { repositoryNames: ["absent"] };
  const unknown = `The repository with name 'absent' does not exist in the registry with id '${ACCOUNT}'`;
  await refuses(client, "DescribeRepositories", absent, "RepositoryNotFoundException", unknown);
  const kms = { encryptionType: "KMS", kmsKey: "not a key" };
  const keyed = { repositoryName: "new", encryptionConfiguration: kms };
  const error = await refuses(client, "CreateRepository", keyed, "KmsException");
  assert.equal(typeof error.kmsError, "string");
  const name = { repositoryName: "Not_A_Name" };
  await refuses(client, "CreateRepository", name, "InvalidParameterException");
  const other = { repositoryName, registryId: "999999999999" };
  await refuses(client, "DeleteRepository", other, "AccessDeniedException");
  await push(client, repositoryName, image("a"));
  await refuses(client, "DeleteRepository", again, "RepositoryNotEmptyException");
  await call(client, "DeleteRepository", { repositoryName, force: true });
});

test("a layer in parts", async () => {
  const client = await withRepository();
  const begun = await call(client, "InitiateLayerUpload", { repositoryName });
  assert.equal(begun.partSize, 10 * 1024 * 1024);
  const blob = Buffer.alloc(begun.partSize + 5, "ahoy ");
  const upload = { repositoryName, uploadId: begun.uploadId };
  const part = (first, last) => ({
    ...upload,
    partFirstByte: first,
    partLastByte: last,
    layerPartBlob: blob.subarray(first, last + 1),
  });
  const told = await call(client, "UploadLayerPart", part(0, begun.partSize - 1));
  assert.equal(told.lastByteReceived, begun.partSize - 1);
  const wrong = part(0, 4);
  const error = await refuses(client, "UploadLayerPart", wrong, "InvalidLayerPartException");
  assert.equal(error.lastValidByteReceived, begun.partSize - 1);
  assert.equal(error.registryId, ACCOUNT);
  assert.equal(error.repositoryName, repositoryName);
  assert.equal(error.uploadId, begun.uploadId);
  await call(client, "UploadLayerPart", part(begun.partSize, blob.length - 1));
  const done = { ...upload, layerDigests: [digest(blob)] };
  // An SDK that lost the answer asks again, and is told the same.
  for (let times = 0; times < 2; times += 1) {
    const { layerDigest } = await call(client, "CompleteLayerUpload", done);
    assert.equal(layerDigest, digest(blob));
  }
  const other = { ...upload, layerDigests: [ABSENT] };
  await refuses(client, "CompleteLayerUpload", other, "UploadNotFoundException");

  const layerDigests = [digest(blob), ABSENT, "no digest"];
  const input = { repositoryName, layerDigests };
  const availability = await call(client, "BatchCheckLayerAvailability", input);
  const [there, absent] = availability.layers;
  assert.equal(there.layerAvailability, "AVAILABLE");
  assert.equal(there.layerSize, blob.length);
  assert.deepEqual(absent, { layerDigest: ABSENT, layerAvailability: "UNAVAILABLE" });
  assert.equal(availability.failures[0].failureCode, "InvalidLayerDigest");
});

test("a layer that is refused", async () => {
  const client = await withRepository();
  const absent = { repositoryName: "absent" };
  await refuses(client, "InitiateLayerUpload", absent, "RepositoryNotFoundException");
  const asked = { ...absent, layerDigests: [ABSENT] };
  await refuses(client, "BatchCheckLayerAvailability", asked, "RepositoryNotFoundException");
  await upload(client, repositoryName, Buffer.from("twice"));
  await assert.rejects(
    upload(client, repositoryName, Buffer.from("twice")),
    sdk.LayerAlreadyExistsException,
  );
  const { uploadId } = await call(client, "InitiateLayerUpload", { repositoryName });
  const empty = { repositoryName, uploadId, layerDigests: [ABSENT] };
  await refuses(client, "CompleteLayerUpload", empty, "EmptyUploadException");
});

test("an image", async () => {
  const client = await withRepository();
  const what = image("a");
  await push(client, repositoryName, what, "1");
  const imageId = { imageDigest: what.digest, imageTag: "2" };
  const put = { repositoryName, imageManifest: what.manifest, imageTag: "2" };
  const { image: made } = await call(client, "PutImage", put);
  const expected = {
    registryId: ACCOUNT,
    repositoryName,
    imageId,
    imageManifest: what.manifest,
    imageManifestMediaType: MANIFEST,
  };
  assert.deepEqual(made, expected);
  const imageIds = [{ imageTag: "2" }, { imageTag: "none" }];
  const got = await call(client, "BatchGetImage", { repositoryName, imageIds });
  assert.deepEqual(got.images, [expected]);
  assert.deepEqual(got.failures, [
    {
      imageId: { imageTag: "none" },
      failureCode: "ImageNotFound",
      failureReason: "Requested image not found",
    },
  ]);
  const { imageDetails } = await call(client, "DescribeImages", { repositoryName });
  assert.equal(imageDetails.length, 1);
  isRecent(imageDetails[0].imagePushedAt);
  assert.equal(imageDetails[0].imageSizeInBytes, what.blobs[0].length + what.blobs[1].length);
  assert.deepEqual(imageDetails[0].imageTags.toSorted(), ["1", "2"]);
  const layerDigest = digest(what.blobs[1]);
  const url = await call(client, "GetDownloadUrlForLayer", { repositoryName, layerDigest });
  const fetched = await fetch(url.downloadUrl);
  assert.deepEqual(Buffer.from(await fetched.arrayBuffer()), what.blobs[1]);
  const lost = { repositoryName, layerDigest: ABSENT };
  await refuses(client, "GetDownloadUrlForLayer", lost, "LayersNotFoundException");
});

test("an image that is refused", async () => {
  const client = await withRepository({ imageTagMutability: "IMMUTABLE" });
  const what = image("a");
  const put = { repositoryName, imageManifest: what.manifest };
  await refuses(client, "PutImage", put, "LayersNotFoundException");
  const both = { repositoryName, imageManifest: index(what).manifest };
  await refuses(client, "PutImage", both, "ReferencedImagesNotFoundException");
  await push(client, repositoryName, what, "1");
  await refuses(client, "PutImage", put, "ImageAlreadyExistsException");
  const moved = { ...put, imageTag: "1" };
  await refuses(client, "PutImage", moved, "ImageTagAlreadyExistsException");
  const wrong = { ...put, imageDigest: ABSENT };
  await refuses(client, "PutImage", wrong, "ImageDigestDoesNotMatchException");
  const imageIds = [{ imageTag: "none" }];
  const described = { repositoryName, imageIds };
  await refuses(client, "DescribeImages", described, "ImageNotFoundException");
  const absent = { repositoryName: "absent", imageIds };
  for (const operation of ["BatchGetImage", "BatchDeleteImage", "DescribeImages"]) {
    await refuses(client, operation, absent, "RepositoryNotFoundException");
  }
});

test("an index and its children", async () => {
  const client = await withRepository();
  const children = [image("arm64"), image("amd64")];
  for (const child of children) await push(client, repositoryName, child);
  const both = index(...children);
  await push(client, repositoryName, both, "both");
  const remove = (imageIds) => call(client, "BatchDeleteImage", { repositoryName, imageIds });
  const kept = await remove([{ imageDigest: children[0].digest }]);
  assert.equal(kept.failures[0].failureCode, "ImageReferencedByManifestList");
  const gone = await remove([{ imageTag: "both" }]);
  assert.deepEqual(gone.imageIds, [{ imageDigest: both.digest, imageTag: "both" }]);
  assert.equal(both.mediaType, INDEX);
});

test("the tags of a repository", async () => {
  const client = await withRepository({ tags: [{ Key: "team", Value: "one" }] });
  const region = await client.config.region();
  const resourceArn = `arn:aws:ecr:${region}:${ACCOUNT}:repository/${repositoryName}`;
  const list = async () => (await call(client, "ListTagsForResource", { resourceArn })).tags;
  assert.deepEqual(await list(), [{ Key: "team", Value: "one" }]);
  await call(client, "TagResource", { resourceArn, tags: [{ Key: "team", Value: "two" }] });
  assert.deepEqual(await list(), [{ Key: "team", Value: "two" }]);
  await call(client, "UntagResource", { resourceArn, tagKeys: ["team", "never set"] });
  assert.deepEqual(await list(), []);
  const reserved = { resourceArn, tags: [{ Key: "aws:x", Value: "" }] };
  await refuses(client, "TagResource", reserved, "InvalidTagParameterException");
  const many = Array.from({ length: 51 }, (_, number) => ({ Key: `k${number}`, Value: "" }));
  await refuses(client, "TagResource", { resourceArn, tags: many }, "TooManyTagsException");
  const absent = { resourceArn: resourceArn.replace("team/app", "absent") };
  await refuses(client, "ListTagsForResource", absent, "RepositoryNotFoundException");
  const untag = { ...absent, tagKeys: ["team"] };
  await refuses(client, "UntagResource", untag, "RepositoryNotFoundException");
});

test("the mutability of tags", async () => {
  const client = await withRepository();
  const filters = [{ filterType: "WILDCARD", filter: "dev-*" }];
  const rule = {
    repositoryName,
    imageTagMutability: "IMMUTABLE_WITH_EXCLUSION",
    imageTagMutabilityExclusionFilters: filters,
  };
  const { $metadata, ...told } = await call(client, "PutImageTagMutability", rule);
  assert.deepEqual(told, { registryId: ACCOUNT, ...rule });
  const plain = { ...rule, imageTagMutability: "IMMUTABLE" };
  await refuses(client, "PutImageTagMutability", plain, "InvalidParameterException");
});

test("what refers to an image", async () => {
  const client = await withRepository();
  const what = image("a");
  await push(client, repositoryName, what, "1");
  const subject = { mediaType: MANIFEST, digest: what.digest, size: what.manifest.length };
  const annotations = { "org.example.by": "harbour" };
  const artifactType = "application/vnd.example.signature";
  const signature = image("signature", { subject, artifactType, annotations });
  await push(client, repositoryName, signature);
  const asked = { repositoryName, subjectId: { imageDigest: what.digest } };
  const { referrers } = await call(client, "ListImageReferrers", asked);
  assert.deepEqual(referrers, [
    {
      digest: signature.digest,
      mediaType: MANIFEST,
      artifactType,
      size: signature.manifest.length,
      annotations,
      artifactStatus: "ACTIVE",
    },
  ]);
  const absent = { ...asked, repositoryName: "absent" };
  await refuses(client, "ListImageReferrers", absent, "RepositoryNotFoundException");
});

test("the registry and its settings", async () => {
  const client = registry();
  const { $metadata, ...told } = await call(client, "DescribeRegistry");
  assert.deepEqual(told, { registryId: ACCOUNT, replicationConfiguration: { rules: [] } });
  const name = "BLOB_MOUNTING";
  for (const value of ["DISABLED", "ENABLED"]) {
    await call(client, "PutAccountSetting", { name, value });
    assert.equal((await call(client, "GetAccountSetting", { name })).value, value);
  }
  await refuses(client, "GetAccountSetting", { name: "NONE" }, "InvalidParameterException");
  const odd = { name, value: "PERHAPS" };
  await refuses(client, "PutAccountSetting", odd, "InvalidParameterException");
  // Nothing of DescribeRegistry's input could be wrong, but who asks can.
  const stranger = registry({ accessKeyId: "AKIANOSUCHKEY0000000", secretAccessKey: "none" });
  await refuses(stranger, "DescribeRegistry", {}, "UnrecognizedClientException");
});

test("the policies of a repository and of the registry", async () => {
  const client = await withRepository();
  const policy = {
    Version: "2012-10-17",
    Statement: [
      {
        Effect: "Allow",
        Principal: { AWS: ["111122223333", "arn:aws:iam::444455556666:root"] },
        Action: "ecr:CreateRepository",
        Resource: "*",
      },
    ],
  };
  const ofRepository = { registryId: ACCOUNT, repositoryName };
  const kinds = [
    ["Set", "Repository", { repositoryName }, ofRepository],
    ["Put", "Registry", {}, { registryId: ACCOUNT }],
  ];
  for (const [put, kind, where, expected] of kinds) {
    for (const verb of ["Get", "Delete"]) {
      await refuses(client, `${verb}${kind}Policy`, where, `${kind}PolicyNotFoundException`);
    }
    const policyText = JSON.stringify(policy);
    const { $metadata, ...kept } = await call(client, `${put}${kind}Policy`, { ...where, policyText });
    assert.deepEqual(kept, { ...expected, policyText: kept.policyText });
    assert.deepEqual(JSON.parse(kept.policyText), policy);
    assert.ok(kept.policyText.startsWith('{\n  "Version" : "2012-10-17",\n'), kept.policyText);
    for (const verb of ["Get", "Delete"]) {
      const { $metadata, ...told } = await call(client, `${verb}${kind}Policy`, where);
      assert.deepEqual(told, kept);
    }
    const wrong = { ...where, policyText: policyText.replace("ecr:", "s3:") };
    const message = `Invalid parameter at 'PolicyText' failed to satisfy constraint: 'Invalid ${kind.toLowerCase()} policy provided'`;
    await refuses(client, `${put}${kind}Policy`, wrong, "InvalidParameterException", message);
  }
});

test("the paginators", async () => {
  const client = await withRepository();
  for (const name of ["team/b", "team/c"]) {
    await call(client, "CreateRepository", { repositoryName: name });
  }
  const pushed = ["a", "b", "c"].map((seed) => image(seed));
  for (const what of pushed) await push(client, repositoryName, what, what.digest.slice(7, 15));
  const digests = pushed.map((what) => what.digest).toSorted();
  const paged = {
    DescribeRepositories: [{}, "repositories", "repositoryName", [repositoryName, "team/b", "team/c"]],
    DescribeImages: [{ repositoryName }, "imageDetails", "imageDigest", digests],
    ListImages: [{ repositoryName }, "imageIds", "imageDigest", digests],
  };
  const paginators = Object.keys(sdk).filter((name) => name.startsWith("paginate"));
  const { notServed } = book();
  for (const operation of paginators.map((name) => name.slice("paginate".length))) {
    if (notServed.includes(operation)) continue;
    assert.ok(paged[operation], `${operation} is served, so its paginator needs a test`);
    const [input, member, key, expected] = paged[operation];
    const items = [];
    for await (const page of sdk[`paginate${operation}`]({ client, pageSize: 2 }, input)) {
      assert.ok(page[member].length <= 2);
      items.push(...page[member].map((item) => item[key]));
    }
    assert.deepEqual(items.toSorted(), expected, operation);
  }
  const token = { nextToken: "made up" };
  await refuses(client, "DescribeRepositories", token, "InvalidParameterException");
  await refuses(client, "ListImages", { repositoryName, ...token }, "InvalidParameterException");
});

test("a token", async () => {
  const client = registry();
  const { authorizationData } = await call(client, "GetAuthorizationToken");
  const [{ authorizationToken, expiresAt, proxyEndpoint }] = authorizationData;
  assert.ok(expiresAt instanceof Date);
  const hours = (expiresAt.getTime() - Date.now()) / 3_600_000;
  assert.ok(hours > 11 && hours <= 12, `${hours} hours`);
  const headers = { authorization: `Basic ${authorizationToken}` };
  assert.equal((await fetch(`${proxyEndpoint}/v2/`, { headers })).status, 200);
  const ids = { registryIds: ["1"] };
  await refuses(client, "GetAuthorizationToken", ids, "InvalidParameterException");
});

test("what is not served says so", async () => {
  const client = registry();
  for (const operation of book().notServed) {
    const message = operation + NOT_SERVED_YET;
    await refuses(client, operation, {}, "UnknownOperationException", message);
  }
});
