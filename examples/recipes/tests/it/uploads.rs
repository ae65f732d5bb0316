//! Files that are uploaded, looked at in part, and downloaded.

use std::path::PathBuf;

use axum::body::Body;
use ketch::http::Method;
use ketch::test::client;

use crate::get;

/// A folder that is gone when the test is.
struct Scratch(PathBuf);

impl Drop for Scratch {
    fn drop(&mut self) {
        let _never_made = std::fs::remove_dir_all(&self.0);
    }
}

const FORM: &str = "--b\r\n\
    Content-Disposition: form-data; name=\"note\"\r\n\r\n\
    passed over\r\n--b\r\n\
    Content-Disposition: form-data; name=\"file\"; filename=\"../digits.txt\"\r\n\r\n\
    0123456789\r\n--b--\r\n";

#[tokio::test]
async fn what_is_uploaded_comes_back_whole_and_in_ranges() {
    let scratch = Scratch(std::env::temp_dir().join(format!("ketch-recipe-uploads-{}", std::process::id())));
    let client = client(recipes::uploads::server_at(&scratch.0));
    let form = ("content-type", "multipart/form-data; boundary=b");
    let taken = client.send(Method::POST, "/uploads", &[form], Body::from(FORM)).await;
    assert_eq!(taken.status, 201, "{}", taken.text());
    let paths: Vec<String> = taken.json();
    assert_eq!(paths.len(), 1, "{paths:?}");
    assert_eq!(std::fs::read_dir(&scratch.0).unwrap().count(), 1);

    let whole = client.get(&format!("{}?name=digits.txt", paths[0])).await;
    assert_eq!(whole.text(), "0123456789");
    let disposition = whole.header("content-disposition").unwrap();
    assert!(disposition.starts_with("attachment; filename=\"digits.txt\""), "{disposition}");
    let part = get(&client, &paths[0], &[("range", "bytes=3-5")]).await;
    assert_eq!((part.status.as_u16(), part.text().as_str()), (206, "345"));
    assert_eq!(part.header("content-range"), Some("bytes 3-5/10"));

    assert_eq!(client.get("/uploads/..%2f..%2fetc%2fpasswd").await.status, 404);
    let broken = client.send(Method::POST, "/uploads", &[form], Body::from(&FORM[..FORM.len() - 12])).await;
    assert_eq!(broken.status, 400, "{}", broken.text());
    assert_eq!(std::fs::read_dir(&scratch.0).unwrap().count(), 1, "half a file does not stay");
}
