//! What endpoints of a manifest are called in messages, logs and documents: `user.get_by_id`.

use std::collections::HashSet;

use http::Method;
use ketch_model::Names;

/// Names that are taken, so that no two endpoints of a project have the same.
#[derive(Debug, Default)]
pub(crate) struct Taken(HashSet<(String, String)>);

impl Taken {
    /// The names of `GET /user/{id}/post`: `user` and `get_by_id_post`; of the tree's root: `root` and `get`. `slots` are
    /// the names of positional arguments, which stand at the path's end.
    pub(crate) fn name<'s>(
        &mut self,
        method: &Method,
        path: &[String],
        slots: impl IntoIterator<Item = &'s str>,
    ) -> Names {
        let (service, rest) = match path.split_first() {
            Some((first, rest)) if !first.starts_with('{') => (first.clone(), rest),
            _ => ("root".to_owned(), path),
        };
        let mut endpoint = method.as_str().to_lowercase();
        for segment in rest {
            match segment.strip_prefix('{').and_then(|inner| inner.strip_suffix('}')) {
                Some(capture) => {
                    let name = capture.split_once(':').map_or(capture, |(name, _)| name);
                    push(&mut endpoint, &["by", name.trim_start_matches('*')]);
                }
                None => push(&mut endpoint, &[segment]),
            }
        }
        slots.into_iter().for_each(|slot| push(&mut endpoint, &["by", slot]));
        let mut name = endpoint.clone();
        let mut again = 2;
        while !self.0.insert((service.clone(), name.clone())) {
            name = format!("{endpoint}_{again}");
            again += 1;
        }
        Names { service: service.clone(), endpoint: name, tag: service }
    }
}

fn push(name: &mut String, words: &[&str]) {
    for word in words {
        name.push('_');
        name.extend(word.chars().map(|letter| if letter.is_alphanumeric() { letter } else { '_' }));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_say_where_an_endpoint_is() {
        let mut taken = Taken::default();
        let cases: [(&str, &[&str], &str); 9] = [
            ("", &[], "root::get"),
            ("{id}", &[], "root::get_by_id"),
            ("user", &[], "user::get"),
            ("user", &["uid"], "user::get_by_uid"),
            ("user/{id}", &[], "user::get_by_id"),
            ("user/{id:[0-9]+}/post/{*rest}", &[], "user::get_by_id_post_by_rest"),
            ("user/sign-in", &[], "user::get_sign_in"),
            ("user/sign_in", &[], "user::get_sign_in_2"),
            ("user", &["user-id"], "user::get_by_user_id"),
        ];
        for (path, slots, expected) in cases {
            let path: Vec<String> =
                path.split('/').filter(|segment| !segment.is_empty()).map(str::to_owned).collect();
            assert_eq!(taken.name(&Method::GET, &path, slots.iter().copied()).full(), expected);
        }
    }
}
