//! Paths below a mirror's root.

use crate::name::FileName;
use std::borrow::Cow;
use std::fmt;

/// A path below a mirror's root: `/`-separated names, none of them empty, `.` or `..`. The empty path is the root.
///
/// The only ways in are [`MirrorPath::parse`] and [`MirrorPath::join`], so a path of this type cannot climb out.
#[derive(Clone, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct MirrorPath(String);

impl MirrorPath {
    /// The mirror's root itself.
    pub const ROOT: Self = Self(String::new());

    /// Takes a relative path apart and checks each name; `None` for anything that is not wholly below the root.
    pub fn parse(text: &str) -> Option<Self> {
        if text.is_empty() {
            return Some(Self::ROOT);
        }
        text.split('/').all(|part| FileName::new(part).is_some()).then(|| Self(text.to_owned()))
    }

    /// The path of `name` in this directory.
    #[must_use]
    pub fn join(&self, name: &FileName) -> Self {
        if self.is_root() { Self(name.as_str().to_owned()) } else { Self(format!("{}/{name}", self.0)) }
    }

    /// Whether this is the mirror's root.
    pub const fn is_root(&self) -> bool {
        self.0.is_empty()
    }

    /// The path as text, `/`-separated, without a leading slash; empty for the root.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// The directory that holds this path; `None` for the root.
    pub fn parent(&self) -> Option<Self> {
        if self.is_root() {
            return None;
        }
        Some(Self(self.0.rsplit_once('/').map_or(String::new(), |(parent, _)| parent.to_owned())))
    }

    /// The last name; `None` for the root.
    pub fn name(&self) -> Option<FileName> {
        FileName::new(self.0.rsplit('/').next()?)
    }

    /// The names from the root downwards.
    pub fn names(&self) -> impl Iterator<Item = &str> {
        self.0.split('/').filter(|part| !part.is_empty())
    }
}

/// A path for a line of its own: control characters, a line's end among them, are escaped.
pub fn on_one_line(path: &str) -> Cow<'_, str> {
    if !path.contains(char::is_control) {
        return Cow::Borrowed(path);
    }
    let escaped = |c: char| if c.is_control() { c.escape_default().to_string() } else { c.to_string() };
    Cow::Owned(path.chars().map(escaped).collect())
}

impl fmt::Display for MirrorPath {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(if self.is_root() { "." } else { &self.0 })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_line_has_no_end_within() {
        assert_eq!(on_one_line("a\nR8  b\u{1b}[2J/ü"), "a\\nR8  b\\u{1b}[2J/ü");
        assert!(matches!(on_one_line("a b/ü"), Cow::Borrowed(_)));
    }

    #[test]
    fn no_path_climbs_out() {
        for bad in ["/etc", "../a", "a/../b", "a//b", "a/", "./a", "a/.", "a\0b"] {
            assert_eq!(MirrorPath::parse(bad), None, "{bad:?}");
        }
        let path = MirrorPath::parse("a/b.jpg").unwrap();
        assert_eq!(path.parent().unwrap().as_str(), "a");
        assert_eq!(path.name().unwrap().as_str(), "b.jpg");
        assert_eq!(path.parent().unwrap().parent(), Some(MirrorPath::ROOT));
        assert_eq!(MirrorPath::ROOT.parent(), None);
    }
}
