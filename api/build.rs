//! Makes sure that there is a page to build in: the web app where it was built, or else a page that
//! says how to build it. So the server can be worked on without Node.

use std::{fs, io, path::Path};

const PLACEHOLDER: &str = "<!doctype html><html lang=\"en\"><meta charset=\"utf-8\">\
<title>Countersign</title><h1>The web app is not built in</h1>\
<p>Run <code>cargo demo</code>, or <code>npm ci &amp;&amp; npm run build</code> in <code>web/</code>, \
and build the server again.</p></html>\n";

fn main() -> io::Result<()> {
    let dist = Path::new("../web/dist");
    println!("cargo::rerun-if-changed=../web/dist");
    fs::create_dir_all(dist)?;
    let page = dist.join("index.html");
    if !page.exists() {
        fs::write(page, PLACEHOLDER)?;
    }
    Ok(())
}
