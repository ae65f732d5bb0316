//! Every recipe does what it shows.

use ketch::test::{Client, client};
use recipes::RECIPES;

fn recipe(name: &str) -> Client {
    let (_, server) = RECIPES.iter().find(|(known, _)| *known == name).expect("the recipe is there");
    client(server())
}

#[test]
fn every_recipe_can_be_built() {
    for (name, server) in RECIPES {
        assert!(server().build().is_ok(), "{name}");
    }
}

#[tokio::test]
async fn a_page_leads_to_the_next_until_the_last() {
    let client = recipe("pages");
    let (mut url, mut seen) = ("/squares?limit=99".to_owned(), Vec::new());
    loop {
        let page = client.get(&url).await;
        seen.extend(page.json::<Vec<u32>>());
        let links: Vec<&str> =
            page.headers.get_all("link").iter().map(|link| link.to_str().unwrap()).collect();
        assert!(links[0].ends_with("rel=\"first\""), "{links:?}");
        match links.iter().find_map(|link| link.strip_suffix(">; rel=\"next\"")) {
            Some(next) => url = next.trim_start_matches('<').to_owned(),
            None => break,
        }
    }
    assert_eq!(seen.len(), 1_000);
    assert_eq!(seen.last(), Some(&1_000_000));
    assert_eq!(client.get("/squares?limit=101").await.status, 422);
}

#[tokio::test]
async fn paths_are_found_whatever_their_case_and_parameters_keep_theirs() {
    let client = recipe("route-table");
    assert_eq!(client.get("/GREETINGS/Hello/McCoy").await.text(), "Hello McCoy");
    assert_eq!(client.get("/greetings/hello/McCoy").await.text(), "Hello McCoy");
    assert_eq!(client.get("/greetings/goodbye/McCoy").await.status, 404);
}
