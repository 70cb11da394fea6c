//! `grid audit` against a node.

mod node;

use std::process::Command;

use gridtoken_tests::World;
use node::Node;
use shared_state::{
    quantity::Wh,
    state::{Meter, RegistryConfig},
};
use solana_program::pubkey::Pubkey;

fn audit(url: &str, registry: &Pubkey) -> (bool, String, String) {
    let output = Command::new(env!("CARGO_BIN_EXE_grid"))
        .args(["audit", "--url", url, "--registry", &registry.to_string()])
        .output()
        .expect("the tool");
    let text = |bytes: &[u8]| String::from_utf8(bytes.to_vec()).expect("text");
    (
        output.status.success(),
        text(&output.stdout),
        text(&output.stderr),
    )
}

#[test]
fn it_prints_the_sums_and_names_what_breaks_them() {
    let node = Node::start(async {
        let mut world = World::new().await;
        let meter = world.active_meter("M-1").await;
        world.report(&meter, 3_600, 10_000, 500).await;
        world.settle(&meter).await;
        world
    });
    let deployment = node.deployment();
    let registry = deployment.registry_program;
    let programs = format!(
        "programs: oracle {}, registry {registry}, token {}\n",
        deployment.oracle_program, deployment.token_program
    );
    let (success, stdout, stderr) = audit(&node.url, &registry);
    assert!(success, "{stderr}");
    assert_eq!(
        stdout,
        programs.clone()
            + "audit: 1 meters have settled 9500 Wh x 10^6 = 9500000000; minted 9500000000, retired 0, \
         otherwise burned 0, supply 9500000000: all rules hold\n"
    );

    let meter = deployment.meter(&shared_state::state::meter_id("M-1").expect("an id"));
    node.with(async |cluster| {
        cluster
            .world
            .edit(&meter, |meter: &mut Meter| {
                meter.settled_net_generation = Wh(10_001)
            })
            .await;
    });
    let (success, stdout, stderr) = audit(&node.url, &registry);
    assert!(!success);
    assert!(
        stdout.starts_with(&format!("{programs}finding: Meter M-1 {meter}: has settled 10001 Wh of 10000 Wh generated\nfinding: TokenConfig {}: has minted 9500 Wh, but the meters have settled 10001 Wh", deployment.token_config())),
        "{stdout}"
    );
    assert!(stdout.trim_end().ends_with(": 2 findings"), "{stdout}");
    assert_eq!(stderr, "error: the audit found something\n");
}

#[test]
fn addresses_and_clusters_that_are_not_there() {
    let node = Node::start(World::new());
    let deployment = node.deployment();
    let nothing = Pubkey::new_unique();
    let (success, _, stderr) = audit(&node.url, &nothing);
    assert!(!success);
    assert!(
        stderr.starts_with(&format!(
            "error: no deployment on {}: {nothing} is not an initialized registry program: RegistryConfig",
            node.url
        )),
        "{stderr}"
    );
    let (success, _, stderr) = audit("nowhere", &nothing);
    assert!(!success);
    assert!(stderr.contains("\"nowhere\" is neither a URL"), "{stderr}");
    let (success, _, stderr) = audit("http://127.0.0.1:9", &nothing);
    assert!(!success);
    assert!(stderr.contains("asking http://127.0.0.1:9"), "{stderr}");

    // A config that points to an oracle that doesn't exist.
    let config = deployment.registry_config();
    node.with(async |cluster| {
        cluster
            .world
            .edit(&config, |config: &mut RegistryConfig| {
                config.oracle_authority = nothing
            })
            .await;
    });
    let (success, _, stderr) = audit(&node.url, &deployment.registry_program);
    assert!(!success);
    assert!(
        stderr.contains(&format!(
            "takes readings from {nothing}, which does not exist"
        )),
        "{stderr}"
    );
}

#[test]
fn a_baseline_and_the_expected_programs() {
    let node = Node::start(async {
        let mut world = World::new().await;
        world.active_meter("M-1").await;
        world
    });
    let deployment = node.deployment();
    let file = std::env::temp_dir().join(format!("grid-baseline-{}", std::process::id()));
    let path = file.to_str().expect("a path").to_owned();
    let audit = |arguments: &[&str]| {
        let output = Command::new(env!("CARGO_BIN_EXE_grid"))
            .args(["audit", "--url", &node.url, "--registry"])
            .arg(deployment.registry_program.to_string())
            .args(arguments)
            .output()
            .expect("the tool");
        let text = String::from_utf8(output.stdout).expect("text");
        (output.status.code(), text)
    };
    let baseline = ["--baseline", path.as_str()];
    assert_eq!(audit(&baseline).0, Some(0));
    assert_eq!(audit(&baseline).0, Some(0));
    let meter = deployment.meter(&shared_state::state::meter_id("M-1").expect("an id"));
    node.with(async |cluster| {
        cluster
            .world
            .edit(&meter, |meter: &mut Meter| meter.header.revision += 1)
            .await;
    });
    let (code, text) = audit(&baseline);
    assert_eq!(code, Some(4), "{text}");
    let change = format!("changed: Meter M-1 {meter}: revision was ");
    assert!(text.contains(&change), "{text}");
    std::fs::remove_file(file).expect("the file");

    let other = Pubkey::new_unique().to_string();
    for (flag, is) in [
        ("--oracle", deployment.oracle_program),
        ("--token", deployment.token_program),
    ] {
        assert_eq!(audit(&[flag, &is.to_string()]).0, Some(0));
        let (code, text) = audit(&[flag, &other]);
        assert_eq!(code, Some(1));
        assert!(
            text.contains(&format!("{is}, not the expected {other}")),
            "{text}"
        );
    }
}
