//! A text that the binary carries compressed only: sent as it is to whoever takes gzip, unpacked for everybody else.

use std::borrow::Cow;
use std::io::Read as _;

use axum::http::{HeaderMap, HeaderValue, header};
use axum::response::{IntoResponse, Response};
use bytes::Bytes;
use flate2::read::GzDecoder;

/// Answers with the text that `gzip` holds. Its type is for the caller to say; `Vary` and the coding are said here.
///
/// # Panics
/// If that is no gzip: the build put something else into the binary.
pub fn packed(gzip: Cow<'static, [u8]>, headers: &HeaderMap) -> Response {
    let taken = takes_gzip(headers);
    let body = if taken { bytes(gzip) } else { unpacked(&gzip) };
    let mut response = ([(header::VARY, "accept-encoding")], body).into_response();
    if taken {
        let coding = HeaderValue::from_static("gzip");
        response.headers_mut().insert(header::CONTENT_ENCODING, coding);
    }
    response
}

/// What is a part of the binary is not copied.
pub fn bytes(data: Cow<'static, [u8]>) -> Bytes {
    match data {
        Cow::Borrowed(data) => Bytes::from_static(data),
        Cow::Owned(data) => Bytes::from(data),
    }
}

fn unpacked(gzip: &[u8]) -> Bytes {
    let mut text = Vec::new();
    let read = GzDecoder::new(gzip).read_to_end(&mut text);
    read.expect("it was packed by the build");
    text.into()
}

/// Whether the client says that it takes gzip (RFC 9110, 12.5.3). To one that says nothing, any coding could be sent; but those are mostly
/// people with `curl`, who would be shown it packed.
fn takes_gzip(headers: &HeaderMap) -> bool {
    let taken = |wanted: &str| {
        let values = headers.get_all(header::ACCEPT_ENCODING).into_iter();
        let mut codings = values
            .filter_map(|value| value.to_str().ok())
            .flat_map(|value| value.split(','));
        codings.find_map(|coding| {
            let mut parts = coding.split(';').map(str::trim);
            let named = parts.next()?.eq_ignore_ascii_case(wanted);
            // A weight that is no number is no refusal.
            let refused = parts
                .filter_map(|part| part.split_once('='))
                .any(|(name, weight)| name.eq_ignore_ascii_case("q") && weight.parse() == Ok(0.0_f32));
            named.then_some(!refused)
        })
    };
    taken("gzip").or_else(|| taken("*")).unwrap_or(false)
}

#[cfg(test)]
mod tests {
    use flate2::{Compression, GzBuilder};
    use http_body_util::BodyExt as _;

    use super::*;

    const TEXT: &str = "A creel is a basket for fish. A creel is a basket for fish. A creel is a basket for fish.";

    fn gzip() -> Vec<u8> {
        let mut packed = Vec::new();
        GzBuilder::new()
            .read(TEXT.as_bytes(), Compression::best())
            .read_to_end(&mut packed)
            .unwrap();
        packed
    }

    fn asking(accepted: &[&'static str]) -> HeaderMap {
        let values = accepted.iter().map(|value| HeaderValue::from_static(value));
        values.map(|value| (header::ACCEPT_ENCODING, value)).collect()
    }

    async fn body(response: Response) -> Bytes {
        response.into_body().collect().await.unwrap().to_bytes()
    }

    #[tokio::test]
    async fn who_takes_gzip_is_sent_it_as_it_is() {
        let response = packed(gzip().into(), &asking(&["gzip, deflate, br"]));
        assert_eq!(response.headers()[header::CONTENT_ENCODING], "gzip");
        assert_eq!(response.headers()[header::VARY], "accept-encoding");
        assert_eq!(body(response).await, gzip());
    }

    #[tokio::test]
    async fn who_does_not_can_read_it() {
        let response = packed(gzip().into(), &asking(&[]));
        assert!(!response.headers().contains_key(header::CONTENT_ENCODING));
        assert_eq!(response.headers()[header::VARY], "accept-encoding");
        assert_eq!(body(response).await, TEXT);
    }

    #[test]
    fn gzip_is_taken_where_it_is_named_and_not_refused() {
        for (accepted, taken) in [
            (&["gzip"][..], true),
            (&["br;q=1.0, GZIP;q=0.5"], true),
            (&["br", "gzip"], true),
            (&["*"], true),
            (&["gzip;q=0"], false),
            (&["gzip; q=0.000, *"], false),
            (&["*;q=0"], false),
            (&["identity"], false),
            (&["br, gzipped"], false),
            (&[""], false),
            (&[], false),
        ] {
            assert_eq!(takes_gzip(&asking(accepted)), taken, "{accepted:?}");
        }
    }
}
