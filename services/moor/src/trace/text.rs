//! A walk as people read it.

use mooring_proto::dataplane::v1::{
    Origin, PacketHead, PacketWalk, Side, TracePacketResponse, WalkStep, packet_walk::Fate,
};

use crate::wire;

/// The answer.
pub fn of(traced: &TracePacketResponse) -> String {
    let at = traced.folded.as_ref().map(|last| format!(" at {}", origin(last))).unwrap_or_default();
    let walk = traced.walk.as_ref().map(walk).unwrap_or_default();
    format!("VPC {}{at}\n\n{walk}", traced.vpc_display_name)
}

/// One line for each thing that happened, and the end.
pub fn walk(walk: &PacketWalk) -> String {
    let mut lines: Vec<String> = walk.came.iter().map(came).collect();
    lines.extend(walk.steps.iter().flat_map(step));
    let mark = match walk.fate() {
        Fate::Dropped => "✗",
        _ => "✓",
    };
    lines.push(format!("{mark} {}", walk.end));
    if let Some(error) = &walk.error {
        lines.push("\nthe gateway tells its sender:".to_owned());
        lines.push(self::walk(error));
    }
    lines.join("\n")
}

/// A commit, for people.
pub fn origin(origin: &Origin) -> String {
    let Origin { position, index, .. } = origin;
    let time = wire::time_ns(origin.recorded_at);
    let asked = origin.asked.as_ref().map(|asked| format!(", asked for by {}", who(asked)));
    format!("{position}.{index}, recorded {time} by {}{}", who(origin), asked.unwrap_or_default())
}

fn who(origin: &Origin) -> String {
    match origin.request_id.as_str() {
        "" => origin.actor.clone(),
        request => format!("{}, request {request}", origin.actor),
    }
}

fn came(head: &PacketHead) -> String {
    let PacketHead { source, destination, protocol, ttl, mac, .. } = head;
    let from = if mac.is_empty() { String::new() } else { format!(" from {mac}") };
    let side = match head.side() {
        Side::Inside => format!("comes inside{from}"),
        Side::Outside => format!("comes outside{from}"),
        Side::Unspecified => "is the gateway's own".to_owned(),
    };
    let protocol = match protocol {
        1 => "ICMP".to_owned(),
        6 => "TCP".to_owned(),
        17 => "UDP".to_owned(),
        number => format!("protocol {number}"),
    };
    let quoted = match head.quoted_source.is_empty() {
        true => String::new(),
        false => format!(", about {} > {}", head.quoted_source, head.quoted_destination),
    };
    format!("{source} > {destination} {protocol}, TTL {ttl}{quoted}: {side}")
}

fn step(step: &WalkStep) -> Vec<String> {
    let is_hook = step.what.starts_with("hook ");
    let verdict = if step.verdict.is_empty() { String::new() } else { format!(" ── {}", step.verdict) };
    let indent = if is_hook || !step.place.contains(' ') { "" } else { "  " };
    let mut lines = vec![format!("{indent}{}: {}{verdict}", step.place, step.what)];
    for detail in &step.details {
        lines.push(format!("{indent}    {}", detail.text));
        lines.extend(detail.origin.as_ref().map(|from| format!("{indent}      by commit {}", origin(from))));
    }
    lines
}
