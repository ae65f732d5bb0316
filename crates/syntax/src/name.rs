//! Names: how a type's or method's name becomes a part of a URL, and which name was probably meant.

/// The name in kebab-case, aware of acronyms and underscores.
///
/// A word ends before an upper-case letter that follows a lower-case letter or digit, and before the last letter
/// of a run of upper-case letters that goes on in lower case.
///
/// ```
/// use ketch_syntax::kebab;
/// assert_eq!(kebab("HelloWorld"), "hello-world");
/// assert_eq!(kebab("HTTPServer"), "http-server");
/// assert_eq!(kebab("say_hola"), "say-hola");
/// assert_eq!(kebab("getURLNow"), "get-url-now");
/// ```
pub fn kebab(name: &str) -> String {
    let letters: Vec<char> = name.chars().collect();
    let mut out = String::with_capacity(name.len() + 4);
    for (at, &letter) in letters.iter().enumerate() {
        if letter == '_' || letter == '-' {
            if !out.is_empty() && !out.ends_with('-') {
                out.push('-');
            }
            continue;
        }
        if letter.is_uppercase() && at > 0 && !out.is_empty() && !out.ends_with('-') {
            let after_word = !letters[at - 1].is_uppercase();
            let before_word = letters.get(at + 1).is_some_and(|next| next.is_lowercase());
            if after_word || before_word {
                out.push('-');
            }
        }
        out.extend(letter.to_lowercase());
    }
    out.truncate(out.trim_end_matches('-').len());
    out
}

/// The one of `known` that `typed` was probably meant to be: close enough for a slip of the fingers.
///
/// ```
/// use ketch_syntax::closest;
/// assert_eq!(closest("versoin", ["prefix", "version"]), Some("version"));
/// assert_eq!(closest("colour", ["prefix", "version"]), None);
/// ```
pub fn closest<'a>(typed: &str, known: impl IntoIterator<Item = &'a str>) -> Option<&'a str> {
    known
        .into_iter()
        .map(|name| (distance(typed, name), name))
        .min()
        .filter(|(distance, name)| *distance <= 1 + name.chars().count() / 4)
        .map(|(_, name)| name)
}

/// The end of a message about an unknown name: what was probably meant, or what there is.
///
/// ```
/// use ketch_syntax::suggestion;
/// assert_eq!(suggestion("audti", ["audit"]), "; did you mean `audit`?");
/// assert_eq!(suggestion("x", ["audit", "access"]), "; there is: `audit`, `access`");
/// assert_eq!(suggestion("x", []), "; there is none");
/// ```
pub fn suggestion<'a>(typed: &str, known: impl IntoIterator<Item = &'a str>) -> String {
    let known: Vec<&str> = known.into_iter().collect();
    if let Some(near) = closest(typed, known.iter().copied()) {
        return format!("; did you mean `{near}`?");
    }
    if known.is_empty() {
        return "; there is none".to_owned();
    }
    let list: Vec<String> = known.iter().map(|name| format!("`{name}`")).collect();
    format!("; there is: {}", list.join(", "))
}

/// The number of letters to insert, drop, replace or swap with their neighbour (optimal string alignment).
fn distance(a: &str, b: &str) -> usize {
    let (a, b): (Vec<char>, Vec<char>) = (a.chars().collect(), b.chars().collect());
    let mut before: Vec<usize> = Vec::new();
    let mut above: Vec<usize> = (0..=b.len()).collect();
    for i in 1..=a.len() {
        let mut row = vec![i];
        for j in 1..=b.len() {
            let cost = usize::from(a[i - 1] != b[j - 1]);
            let mut best = (above[j] + 1).min(row[j - 1] + 1).min(above[j - 1] + cost);
            if i > 1 && j > 1 && a[i - 1] == b[j - 2] && a[i - 2] == b[j - 1] {
                best = best.min(before[j - 2] + 1);
            }
            row.push(best);
        }
        before = std::mem::replace(&mut above, row);
    }
    above[b.len()]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_are_cut_where_a_reader_cuts_them() {
        let cases = [
            ("SayHello", "say-hello"),
            ("X1", "x1"),
            ("HTTPServerV2", "http-server-v2"),
            ("snake_case_name", "snake-case-name"),
            ("__private", "private"),
            ("user2FA", "user2-fa"),
            ("OAuth2Token", "o-auth2-token"),
            ("r#type", "r#type"),
            ("ÉtéService", "été-service"),
            ("", ""),
        ];
        for (name, kebabed) in cases {
            assert_eq!(kebab(name), kebabed, "{name}");
        }
    }

    #[test]
    fn a_swap_is_one_slip() {
        assert_eq!(distance("versoin", "version"), 1);
        assert_eq!(distance("abc", ""), 3);
        assert_eq!(closest("tll", ["ttl", "limit"]), Some("ttl"));
    }
}
