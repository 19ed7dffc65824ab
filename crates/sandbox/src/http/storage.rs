//! The storage host: S3 as far as a signed PUT needs it.
//!
//! `s3s` checks the signature and its expiry against the machine's clock, `s3s-fs` checks `Content-MD5` while it
//! writes. Between the two stands [`Slots`]: it asks the world whether the PUT may start (its clock may be ahead),
//! lets the bytes be written under a name of their own, and hands them over only when all checks have passed, so that
//! a refused PUT leaves nothing behind.

use std::path::{Path, PathBuf};
use std::pin::Pin;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, OnceLock};

use axum::body::Body;
use axum::extract::{Request, State};
use axum::http::{Method, StatusCode, header};
use axum::response::{IntoResponse, Response};
use s3s::auth::SimpleAuth;
use s3s::dto::{ETag, PutObjectInput, PutObjectOutput, ServerSideEncryption};
use s3s::service::{S3Service, S3ServiceBuilder};
use s3s::{S3, S3Request, S3Response, S3Result, s3_error};
use s3s_fs::FileSystem;

use super::shared::Shared;
use crate::error::SandboxError;
use crate::world::asset::{Content, Place};
use crate::world::generated;

/// The one bucket.
pub(crate) const BUCKET: &str = "assets";

/// The S3 service, and what it shares with the API once that exists.
#[derive(Clone)]
pub(crate) struct Storage {
    service: S3Service,
    shared: Arc<OnceLock<Arc<Shared>>>,
}

struct Slots {
    inner: FileSystem,
    directory: PathBuf,
    next: AtomicU64,
    shared: Arc<OnceLock<Arc<Shared>>>,
}

impl Storage {
    pub(crate) fn open(root: &Path, key: &str, secret: &str) -> Result<Self, SandboxError> {
        let directory = root.join(BUCKET);
        // What lies here was being sent when the sandbox ended, and is sent again.
        match std::fs::remove_dir_all(root) {
            Err(error) if error.kind() != std::io::ErrorKind::NotFound => {
                return Err(SandboxError::file(root, error));
            }
            _ => {}
        }
        std::fs::create_dir_all(&directory).map_err(|error| SandboxError::file(&directory, error))?;
        let inner = FileSystem::new(root).map_err(|error| SandboxError::Storage { reason: format!("{error:?}") })?;
        let shared = Arc::new(OnceLock::new());
        let slots =
            Slots { inner, directory: root.to_path_buf(), next: AtomicU64::new(1), shared: Arc::clone(&shared) };
        let mut builder = S3ServiceBuilder::new(slots);
        builder.set_auth(SimpleAuth::from_single(key, secret));
        Ok(Self { service: builder.build(), shared })
    }

    /// From now on PUTs can be taken.
    pub(crate) fn connect(&self, shared: &Arc<Shared>) {
        // Called once, before the port is served.
        let _ = self.shared.set(Arc::clone(shared));
    }
}

/// Everything on the storage host that is not a redirected download.
pub(crate) async fn serve(State(storage): State<Storage>, request: Request) -> Response {
    let has_length = request.headers().contains_key(header::CONTENT_LENGTH);
    if request.method() == Method::PUT && !has_length {
        let body = "<Error><Code>MissingContentLength</Code></Error>";
        return (StatusCode::LENGTH_REQUIRED, [(header::CONTENT_TYPE, "application/xml")], body).into_response();
    }
    let request = request.map(s3s::Body::http_body_unsync);
    match storage.service.call(request).await {
        Ok(response) => response.map(Body::new),
        Err(error) => {
            tracing::warn!(error = ?error, "storage could not answer");
            StatusCode::INTERNAL_SERVER_ERROR.into_response()
        }
    }
}

impl Slots {
    async fn put(&self, mut request: S3Request<PutObjectInput>) -> S3Result<S3Response<PutObjectOutput>> {
        let shared = self.shared.get().ok_or_else(|| s3_error!(ServiceUnavailable))?;
        let key = request.input.key.clone();
        let now = shared.now();
        shared.world().may_put(&key, now).map_err(|refusal| s3_error!(AccessDenied, "{refusal}"))?;
        let name = format!("incoming-{}", self.next.fetch_add(1, Ordering::Relaxed));
        request.input.key.clone_from(&name);
        let result = self.inner.put_object(request).await;
        let file = self.directory.join(BUCKET).join(&name);
        self.forget(&name);
        let mut response = match result {
            Ok(response) => response,
            Err(error) => {
                // Nothing is there when the body broke off.
                let _ = std::fs::remove_file(&file);
                return Err(error);
            }
        };
        let lost = |error: std::io::Error| s3_error!(InternalError, "{error}");
        let size = std::fs::metadata(&file).map_err(lost)?.len();
        let md5 = response.output.e_tag.as_ref().map(|tag| tag.value().to_owned()).unwrap_or_default();
        let place = Place::Stored(shared.contents.adopt(&file).map_err(lost)?);
        let mut world = shared.world();
        if world.habits().encrypted_bucket {
            let other = generated::md5_hex(format!("encrypted {md5}").as_bytes());
            response.output.e_tag = Some(ETag::Strong(other));
            response.output.server_side_encryption =
                Some(ServerSideEncryption::from_static(ServerSideEncryption::AWS_KMS));
        }
        world.object_stored(&key, Content { size, md5, place });
        Ok(response)
    }

    /// Removes what the library notes beside an object.
    fn forget(&self, name: &str) {
        let encode = |text: &str| data_encoding::BASE64URL_NOPAD.encode(text.as_bytes());
        for kind in ["metadata", "internal"] {
            let file = format!(".bucket-{}.object-{}.{kind}.json", encode(BUCKET), encode(name));
            // Not every object has both.
            let _ = std::fs::remove_file(self.directory.join(file));
        }
    }
}

// Written out because the trait is made with `async_trait`.
impl S3 for Slots {
    fn put_object<'a, 'b>(
        &'a self,
        request: S3Request<PutObjectInput>,
    ) -> Pin<Box<dyn Future<Output = S3Result<S3Response<PutObjectOutput>>> + Send + 'b>>
    where
        'a: 'b,
        Self: 'b,
    {
        Box::pin(self.put(request))
    }
}
