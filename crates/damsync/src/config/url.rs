//! Addresses that we may send a token to.

use super::error::ConfigError;
use reqwest::Url;
use std::net::IpAddr;

/// Checks an address; returns it without a slash at its end.
pub fn checked(key: &'static str, text: &str) -> Result<String, ConfigError> {
    let refuse = |url: String, what, remedy| Err(ConfigError::Url { key, url, what, remedy });
    let Ok(url) = Url::parse(text) else {
        // What cannot be parsed cannot be cleaned of a password either: show only what is before one.
        let shown = text.rsplit_once('@').map_or(text, |(_, host)| host).to_owned();
        return refuse(shown, "is not an address", "write it whole, such as \"https://api.mediagraph.io\"");
    };
    let mut shown = url.clone();
    // Neither can fail for an address with a host; where it does there is nothing to hide.
    let _ = shown.set_username("");
    let _ = shown.set_password(None);
    shown.set_query(None);
    shown.set_fragment(None);
    let clean = shown.as_str().trim_end_matches('/').to_owned();
    if !url.username().is_empty() || url.password().is_some() {
        return refuse(
            clean,
            "carries a user name or password",
            "put the token into `token_file` and leave only the address",
        );
    }
    if url.query().is_some() || url.fragment().is_some() {
        return refuse(clean, "carries a query or fragment", "leave only the address, without ? and #");
    }
    match url.scheme() {
        "https" => Ok(clean),
        "http" if is_loopback(&url) => Ok(clean),
        "http" => {
            refuse(clean, "would send the token unencrypted", "use https://; http:// is for loopback addresses only")
        }
        _ => refuse(clean, "is neither https:// nor http://", "write, for example, \"https://api.mediagraph.io\""),
    }
}

fn is_loopback(url: &Url) -> bool {
    let host = url.host_str().unwrap_or_default().trim_start_matches('[').trim_end_matches(']');
    host == "localhost" || host.parse::<IpAddr>().is_ok_and(|address| address.is_loopback())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tokens_travel_encrypted_or_not_at_all() {
        for (good, clean) in [
            ("https://api.mediagraph.io", "https://api.mediagraph.io"),
            ("https://api.mediagraph.io/", "https://api.mediagraph.io"),
            ("http://127.0.0.1:8080/", "http://127.0.0.1:8080"),
            ("http://127.9.9.9", "http://127.9.9.9"),
            ("http://localhost:1", "http://localhost:1"),
            ("http://[::1]:1", "http://[::1]:1"),
        ] {
            assert_eq!(checked("base_url", good).unwrap(), clean);
        }
        for (bad, what) in [
            ("http://api.mediagraph.io", "unencrypted"),
            ("http://127.0.0.1.example.com", "unencrypted"),
            ("http://0.0.0.0:80", "unencrypted"),
            ("http://localhost.example.com", "unencrypted"),
            ("api.mediagraph.io", "not an address"),
            ("", "not an address"),
            ("ftp://localhost", "neither"),
            ("https://user:pass@api.mediagraph.io", "password"),
            ("https://api.mediagraph.io/?token=pass", "query"),
        ] {
            let error = checked("base_url", bad).unwrap_err();
            let sentence = error.to_string();
            assert!(sentence.contains(what), "{bad}: {sentence}");
            assert!(!sentence.contains("pass@") && !sentence.contains("token=pass"), "{sentence}");
        }
    }
}
