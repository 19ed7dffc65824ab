//! The known word that a mistyped one probably means.

/// How many letters must be changed, added or left out to make one word of the other.
fn distance(a: &str, b: &str) -> usize {
    let b: Vec<char> = b.chars().collect();
    let mut row: Vec<usize> = (0..=b.len()).collect();
    for (i, letter) in a.chars().enumerate() {
        let mut diagonal = row[0];
        row[0] = i + 1;
        for (j, other) in b.iter().enumerate() {
            let change = diagonal + usize::from(letter != *other);
            diagonal = row[j + 1];
            row[j + 1] = change.min(row[j] + 1).min(diagonal + 1);
        }
    }
    row[b.len()]
}

/// The known word nearest to `word`, in the order given where several are equally near; `None` of none. A word that
/// was not written to its end is nearer than one with other letters.
pub fn nearest<'a>(word: &str, known: impl IntoIterator<Item = &'a str>) -> Option<&'a str> {
    let begun = |candidate: &str| word.len() >= 3 && candidate.starts_with(word);
    known.into_iter().min_by_key(|candidate| (!begun(candidate), distance(word, candidate)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn finds_what_was_meant() {
        let known = ["provider", "base_url", "poll_interval", "concurrency", "max_requests_per_second"];
        for (typed, meant) in [
            ("pol_interval", "poll_interval"),
            ("pollinterval", "poll_interval"),
            ("base-url", "base_url"),
            ("curency", "concurrency"),
        ] {
            assert_eq!(nearest(typed, known), Some(meant), "{typed}");
        }
        assert_eq!(nearest("x", []), None);
    }

    #[test]
    fn distances() {
        for (a, b, far) in [("", "", 0), ("a", "", 1), ("", "ab", 2), ("kitten", "sitting", 3), ("ä", "a", 1)] {
            assert_eq!(distance(a, b), far, "{a} {b}");
        }
    }
}
