// What the tests with the AWS SDK for JavaScript stand on: a client of a Region of its own, which is
// an empty registry; blobs and images; refusals; and the account of every operation that was called.

const assert = require("node:assert/strict");
const { createHash } = require("node:crypto");
const { readFileSync } = require("node:fs");
const path = require("node:path");
const sdk = require("@aws-sdk/client-ecr");

const ACCOUNT = "000000000000";
const MANIFEST = "application/vnd.oci.image.manifest.v1+json";
const INDEX = "application/vnd.oci.image.index.v1+json";

const answered = new Set();
const refused = new Set();
let regions = 0;

/** A client configured by the environment alone, but for its Region and the given credentials. */
function registry(credentials) {
  regions += 1;
  const client = new sdk.ECRClient({ region: `test-${regions}`, credentials });
  const note = (next, context) => async (args) => {
    const operation = context.commandName.replace(/Command$/, "");
    try {
      const answer = await next(args);
      answered.add(operation);
      return answer;
    } catch (error) {
      refused.add(operation);
      throw error;
    }
  };
  client.middlewareStack.add(note, { step: "initialize" });
  return client;
}

/** Calls an operation by its name. */
const call = (client, operation, input = {}) => client.send(new sdk[`${operation}Command`](input));

/** Calls, and expects the exception of that name, as a class of its own where the model has one. */
async function refuses(client, operation, input, name, message) {
  const error = await call(client, operation, input).then(
    () => assert.fail(`${operation} succeeded with ${JSON.stringify(input)}`),
    (error) => error,
  );
  assert.equal(error.name, name, error);
  assert.ok(error instanceof sdk.ECRServiceException, error);
  if (sdk[name]) assert.ok(error instanceof sdk[name], `${error} is no ${name}`);
  assert.equal(error.$fault, "client");
  assert.equal(error.$metadata.httpStatusCode, 400);
  assert.ok(error.$metadata.requestId, "an error has the request's id");
  if (message !== undefined) assert.equal(error.message, message);
  return error;
}

/** A time of the SDK's type, just now. */
function isRecent(time) {
  assert.ok(time instanceof Date, `${time} is no Date`);
  assert.ok(Math.abs(Date.now() - time.getTime()) < 300_000, `${time} is not just now`);
}

const digest = (bytes) => `sha256:${createHash("sha256").update(bytes).digest("hex")}`;

const descriptor = (mediaType, bytes) => ({
  mediaType,
  digest: digest(bytes),
  size: bytes.length,
});

/** An image of one layer whose content follows from the seed; `members` are added. */
function image(seed, members = {}) {
  const config = Buffer.from(JSON.stringify({ architecture: "amd64", os: "linux", author: seed }));
  const layer = createHash("shake256", { outputLength: 3000 }).update(seed).digest();
  const manifest = JSON.stringify({
    schemaVersion: 2,
    mediaType: MANIFEST,
    config: descriptor("application/vnd.oci.image.config.v1+json", config),
    layers: [descriptor("application/vnd.oci.image.layer.v1.tar+gzip", layer)],
    ...members,
  });
  return { mediaType: MANIFEST, manifest, digest: digest(manifest), blobs: [config, layer] };
}

/** An index of these images. */
function index(...children) {
  const manifests = children.map((child) =>
    descriptor(child.mediaType, Buffer.from(child.manifest)),
  );
  const manifest = JSON.stringify({ schemaVersion: 2, mediaType: INDEX, manifests });
  return { mediaType: INDEX, manifest, digest: digest(manifest), blobs: [] };
}

/** Brings a blob in one part. */
async function upload(client, repositoryName, blob) {
  const { uploadId } = await call(client, "InitiateLayerUpload", { repositoryName });
  const part = { partFirstByte: 0, partLastByte: blob.length - 1, layerPartBlob: blob };
  await call(client, "UploadLayerPart", { repositoryName, uploadId, ...part });
  const layerDigests = [digest(blob)];
  return call(client, "CompleteLayerUpload", { repositoryName, uploadId, layerDigests });
}

/** Brings an image with everything in it, under each tag, or untagged. */
async function push(client, repositoryName, what, ...tags) {
  for (const blob of what.blobs) await upload(client, repositoryName, blob);
  for (const imageTag of tags.length ? tags : [undefined]) {
    await call(client, "PutImage", { repositoryName, imageTag, imageManifest: what.manifest });
  }
}

/** The operations that the book calls served, and those that it says are not. */
function book() {
  const page = path.join(__dirname, "../../../docs/book/what-is-served.md");
  const [served, notServed] = readFileSync(page, "utf8").split("| not served yet |");
  const names = (text) => [...text.matchAll(/`([A-Z][A-Za-z]+)`/g)].map((match) => match[1]);
  return {
    served: names(served.split("| operations |")[1].split("\n\n")[0]),
    notServed: names(notServed.split("\n\n")[0]),
  };
}

/** What the book calls served and no test has had answered and refused. */
const untested = () => [
  ...book().served.filter((name) => !answered.has(name)).map((name) => `${name}, answered`),
  ...book().served.filter((name) => !refused.has(name)).map((name) => `${name}, refused`),
];

module.exports = {
  ACCOUNT, INDEX, MANIFEST, book, call, digest, image, index, isRecent, push, refuses, registry,
  untested, upload,
};
