//! One call of the API: who asks, with which parameters, and the answers that refusals become.

use std::sync::{Arc, MutexGuard};

use axum::body::Body;
use axum::extract::{FromRequest, Request};
use axum::http::{HeaderMap, HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use serde_json::{Value, json};

use super::params::Params;
use super::shared::Shared;
use crate::world::user::{Credentials, UserId};
use crate::world::{Refusal, World};

/// The largest body of an API call.
const BODY_LIMIT: usize = 256 << 20;

/// A call by a known user.
pub(crate) struct Call {
    pub(crate) user: UserId,
    pub(crate) params: Params,
    pub(crate) headers: HeaderMap,
    pub(crate) now: i64,
    pub(crate) shared: Arc<Shared>,
}

impl Call {
    pub(crate) fn world(&self) -> MutexGuard<'_, World> {
        self.shared.world()
    }
}

impl FromRequest<Arc<Shared>> for Call {
    type Rejection = Refused;

    async fn from_request(request: Request, shared: &Arc<Shared>) -> Result<Self, Refused> {
        let now = shared.now();
        let user = who(&shared.world(), request.headers(), now)?;
        let (headers, params) = read_params(request).await?;
        Ok(Self { user, params, headers, now, shared: Arc::clone(shared) })
    }
}

/// Reads query and body of a request.
pub(crate) async fn read_params(request: Request) -> Result<(HeaderMap, Params), Refused> {
    let (parts, body) = request.into_parts();
    let cut = |_| Refusal::BadRequest("the body could not be read".to_owned());
    let body = axum::body::to_bytes(body, BODY_LIMIT).await.map_err(cut)?;
    let content_type = parts.headers.get(header::CONTENT_TYPE).and_then(|value| value.to_str().ok()).unwrap_or("");
    let params = Params::read(parts.uri.query().unwrap_or(""), content_type, &body)?;
    Ok((parts.headers, params))
}

fn who(world: &World, headers: &HeaderMap, now: i64) -> Result<UserId, Refusal> {
    let text = |name: &str| headers.get(name).and_then(|value| value.to_str().ok());
    let authorization = text("authorization").ok_or(Refusal::Unauthorized)?;
    if let Some(token) = authorization.strip_prefix("Bearer ") {
        return world.authenticate(Credentials::Bearer(token.trim()), now);
    }
    let basic = authorization.strip_prefix("Basic ").ok_or(Refusal::Unauthorized)?;
    let decoded = data_encoding::BASE64.decode(basic.trim().as_bytes()).map_err(|_| Refusal::Unauthorized)?;
    let decoded = String::from_utf8(decoded).map_err(|_| Refusal::Unauthorized)?;
    // The user name is empty; the token is the password.
    let token = decoded.strip_prefix(':').ok_or(Refusal::Unauthorized)?;
    let organization_id = text("organizationid").and_then(|number| number.trim().parse().ok());
    world.authenticate(Credentials::Personal { token, organization_id }, now)
}

/// A refusal on its way out.
pub(crate) struct Refused(pub(crate) Refusal);

impl From<Refusal> for Refused {
    fn from(refusal: Refusal) -> Self {
        Self(refusal)
    }
}

impl IntoResponse for Refused {
    fn into_response(self) -> Response {
        let reason = self.0.to_string();
        let body = match &self.0 {
            Refusal::Unprocessable(_) => json!({ "errors": [reason] }),
            _ => json!({ "error": reason }),
        };
        let status = StatusCode::from_u16(self.0.status()).unwrap_or(StatusCode::BAD_REQUEST);
        json_response(status, body.to_string())
    }
}

/// What handlers answer.
pub(crate) type Answer = Result<Response, Refused>;

/// 200 with a value.
pub(crate) fn ok(value: &Value) -> Answer {
    Ok(json_response(StatusCode::OK, value.to_string()))
}

/// 200 without a body.
pub(crate) fn empty() -> Answer {
    Ok(StatusCode::OK.into_response())
}

/// A JSON text with a status.
pub(crate) fn json_response(status: StatusCode, text: String) -> Response {
    let mut response = Response::new(Body::from(text));
    *response.status_mut() = status;
    let content_type = HeaderValue::from_static("application/json; charset=utf-8");
    response.headers_mut().insert(header::CONTENT_TYPE, content_type);
    response
}

/// Adds the header that tells how many there are.
pub(crate) fn with_total(mut response: Response, total: u64) -> Response {
    response.headers_mut().insert("total-entries", HeaderValue::from(total));
    response
}
