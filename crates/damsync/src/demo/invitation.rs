//! What to try, with addresses and ids that work as they stand.

use super::FOLDER;
use super::screen::Scene;
use super::server::{Asset, Tree};

/// Commands for both sides.
pub fn text(scene: &Scene, tree: &Tree) -> String {
    let url = &scene.base_url;
    let root = scene.root.display();
    let mut lines = vec![
        "Try it, in another terminal or with any program:".to_owned(),
        format!("  edit here        echo more >> '{root}/Read me first.txt'"),
        format!("  delete here      rm '{root}/Campaigns/Poster/Spring/notes.txt'"),
        format!(
            "  add there        curl {url}/admin/assets -d '{{\"path\":\"{FOLDER}/Library\",\"filename\":\"new.txt\",\"text\":\"hello\"}}'"
        ),
    ];
    if let Some(asset) = pick(tree, ".txt") {
        lines.push(format!(
            "  edit there       curl {url}/admin/assets/{}/version -d '{{\"text\":\"a second version\"}}'   # {}",
            asset.id, asset.filename
        ));
    }
    if let Some(asset) = pick(tree, ".pdf").or_else(|| pick(tree, ".bmp")) {
        lines.push(format!(
            "  delete there     curl -X DELETE -u :{} -H 'OrganizationId: {}' {url}/api/assets/{}   # {}",
            scene.token, scene.organization_id, asset.id, asset.filename
        ));
    }
    // The very program that runs, which need not be installed.
    let program = std::env::current_exe().map_or_else(|_| "damsync".to_owned(), |path| format!("'{}'", path.display()));
    lines.push(format!("  ask              {program} --config '{}' status", scene.config.display()));
    lines.join("\n") + "\n"
}

/// The newest visible asset of the mirror with this extension.
fn pick<'a>(tree: &'a Tree, extension: &str) -> Option<&'a Asset> {
    let inside =
        |asset: &&Asset| asset.visible() && asset.path.starts_with(FOLDER) && asset.filename.ends_with(extension);
    tree.assets.iter().filter(inside).max_by_key(|asset| asset.id)
}
