//! How requests go on and where they return: Vias, Record-Routes and the dialogs that these name.

use trunkline_sip::{Header, Request, Response, header::name};

use super::{house::House, user::Key};

/// What routes of ours bear, and those of other proxies do not.
const SIGNATURE: &str = "ms-route-sig=";

/// Both ends of a dialog, as the Record-Route names it.
pub(super) struct Flow {
    pub(super) ends: (Key, Option<Key>),
    /// The Record-Routes as they were sent to either side, from top to bottom.
    pub(super) routes: Vec<Vec<String>>,
}

impl Flow {
    pub(super) fn other(&self, sender: &Key) -> Option<Key> {
        let (caller, callee) = &self.ends;
        if caller == sender { callee.clone() } else { Some(caller.clone()) }
    }
}

impl House {
    /// Whether an ACK is that of a refusal, which goes no further than here.
    pub(super) fn ends_here(&self, ack: &Request, sender: &Key) -> bool {
        let call = self.calls.iter().rfind(|call| {
            call.sender == *sender
                && call.request.call_id() == ack.call_id()
                && call.request.cseq().ok().map(|cseq| cseq.number) == ack.cseq().ok().map(|cseq| cseq.number)
        });
        call.is_none_or(|call| call.answered.is_some_and(|status| status >= 300))
    }

    /// The flow that the Routes name, if they are Record-Routes of ours byte for byte; else what is wrong with them.
    pub(super) fn flow(&self, request: &Request) -> Result<u64, &'static str> {
        let Ok(routes) = request.elements(name::ROUTE) else { return Err("unreadable Route") };
        if routes.is_empty() {
            return Err("no Route");
        }
        let begins =
            |set: &Vec<String>| routes.starts_with(set) || set.iter().rev().eq(routes.iter().take(set.len()));
        let known = routes
            .iter()
            .find_map(|route| named(route))
            .filter(|id| self.flows.get(id).is_some_and(|flow| flow.routes.iter().any(begins)));
        known.ok_or("Route is not the Record-Route of the dialog")
    }

    /// The Routes that are left when ours are used up: those of proxies behind us.
    fn routes_beyond(&self, request: &Request) -> Vec<String> {
        let routes = request.elements(name::ROUTE).unwrap_or_default();
        routes.into_iter().filter(|route| !self.is_own_route(route)).collect()
    }

    fn is_own_route(&self, route: &str) -> bool {
        let hosts = [self.host(), self.host().replacen("fe1", "pool", 1)];
        hosts.iter().any(|host| route.contains(&format!("<sip:{host}:"))) && route.contains(SIGNATURE)
    }

    /// The request as it goes on: another Request-URI, a Via and a Record-Route more, its Route used up, and who vouches
    /// for the sender. Nothing else is touched.
    pub(super) fn outgoing(
        &mut self,
        request: &Request,
        from: u64,
        to: u64,
        key: &Key,
        (id, branch): (u64, usize),
        flow: Option<u64>,
    ) -> Option<Request> {
        let mut sent = request.clone();
        sent.set_uri(self.endpoint(key)?.contact.uri.clone());
        let via = sent.position(name::VIA)?;
        let received = self.received_at(from);
        let top = sent.remove_at(via)?.appended(&received);
        sent.insert(via, top);
        let own = self.own_via(to, &format!("{id}.{branch}"));
        sent.insert(via, Header::new(name::VIA, format!("{own};ms-internal-info=\"zz{id}=\"")));
        let beyond = self.routes_beyond(request);
        sent.remove(name::ROUTE);
        beyond.iter().rev().for_each(|route| sent.insert(via, Header::new(name::ROUTE, route)));
        if let Some(flow) = flow {
            let routes = self.record_routes(flow, to);
            // Above those of proxies before us, wherever these have put them.
            let top = sent.position(name::RECORD_ROUTE).map_or(via, |place| place.min(via));
            routes.iter().rev().for_each(|route| sent.insert(top, Header::new(name::RECORD_ROUTE, route)));
        }
        if let Some(length) = sent.position(name::CONTENT_LENGTH).filter(|_| self.settings.pooled) {
            let below = sent.position(name::VIA)? + 1;
            let length = sent.remove_at(length)?;
            sent.insert(below, length);
        }
        if let Some(left) = sent.max_forwards().ok().flatten() {
            sent.set(name::MAX_FORWARDS, left.saturating_sub(1).to_string());
        }
        if !sent.has(name::P_ASSERTED_IDENTITY) {
            let from = sent.from().ok()?;
            let user = self.user(&from.uri)?;
            let value = format!("\"{}\"<{}>", user.display, user.uri);
            sent.push(name::P_ASSERTED_IDENTITY, value);
        }
        Some(sent)
    }

    fn received_at(&self, line: u64) -> String {
        let port = self.lines.get(&line).map_or(0, |line| line.peer.port());
        format!(";ms-received-port={port};ms-received-cid={line:X}00")
    }

    /// Routes back to here that look signed, with parameters outside the brackets.
    fn record_routes(&mut self, flow: u64, line: u64) -> Vec<String> {
        let own = self.own_address(self.transport(line));
        let mut routes = vec![format!(
            "<sip:{own};opaque=state:T:F:Ci.R{flow:x};lr;{SIGNATURE}fe{flow:08x}AAA>;tag={flow:032X}"
        )];
        if self.settings.pooled {
            let (pool, fe) = (own.replacen("fe1", "pool", 1), self.host());
            routes.push(format!(
                "<sip:{pool};ms-fe={fe};opaque=state:F:Ci.R{flow:x};lr;{SIGNATURE}po{flow:08x}AAA>;\
                 ms-rrsig=rr{flow:08x}AAA;tag={flow:032X}"
            ));
        }
        if let Some(known) = self.flows.get_mut(&flow) {
            known.routes.push(routes.clone());
        }
        routes
    }

    /// Each side gets the Record-Routes for its own transport, and those of other proxies as they are.
    pub(super) fn with_routes(&mut self, at: usize, mut response: Response, line: Option<u64>) -> Response {
        let flow = self.calls.get(at).and_then(|call| call.flow);
        if let (Some(flow), Some(line), Some(place)) = (flow, line, response.position(name::RECORD_ROUTE)) {
            let mut routes = response.elements(name::RECORD_ROUTE).unwrap_or_default();
            let first = routes.iter().position(|route| self.is_own_route(route)).unwrap_or(routes.len());
            routes.retain(|route| !self.is_own_route(route));
            let own = self.record_routes(flow, line);
            routes.splice(first..first, own);
            response.remove(name::RECORD_ROUTE);
            let lines = routes.iter().rev();
            lines.for_each(|route| response.insert(place, Header::new(name::RECORD_ROUTE, route)));
        }
        response
    }
}

/// The flow that a route of ours names.
fn named(route: &str) -> Option<u64> {
    let (_, rest) = route.split_once("Ci.R")?;
    u64::from_str_radix(rest.split_once(';')?.0, 16).ok()
}
