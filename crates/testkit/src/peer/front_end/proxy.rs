//! Requests between users: forks, routes, and the answers' way back.

use trunkline_sip::{Header, Method, Request, Response, Uri, header::name};

use super::{house::House, route::Flow, user::Key};

/// A request on its way to one or several endpoints.
pub(super) struct Call {
    id: u64,
    /// Whence it came, and from whom.
    line: u64,
    pub(super) sender: Key,
    pub(super) request: Request,
    branches: Vec<Branch>,
    pub(super) flow: Option<u64>,
    /// The final answer that went back.
    pub(super) answered: Option<u16>,
}

/// One endpoint that a request went to.
struct Branch {
    key: Key,
    line: u64,
    sent: Request,
    outcome: Option<Response>,
    /// Was told to give up.
    cancelled: bool,
}

/// Calls that are remembered for late answers.
const REMEMBERED: usize = 4_096;

impl House {
    /// A request outside a dialog goes to every endpoint of the user, or to the one that its URI names.
    pub(super) fn forward(&mut self, line: u64, request: Request) {
        let Some(sender) = self.sender(&request) else {
            return self.stranger(line, &request);
        };
        let Some(user) = self.user(request.uri()) else {
            return self.diagnose(line, &request, 404, 1003, "User does not exist");
        };
        let address = user.address.clone();
        let keys: Vec<Key> = match self.addressed(request.uri()) {
            Some(key) => vec![key],
            None if request.uri().is_gruu() => Vec::new(),
            None => user
                .endpoints
                .iter()
                .map(|each| (address.clone(), each.instance))
                .filter(|key| *key != sender)
                .collect(),
        };
        self.fork(line, request, sender, keys);
    }

    /// A request in a dialog goes where its URI or its Route leads.
    pub(super) fn forward_in_dialog(&mut self, line: u64, request: Request) {
        let Some(sender) = self.sender(&request) else {
            return self.stranger(line, &request);
        };
        let flow = self.flow(&request);
        if *request.method() == Method::ACK && self.ends_here(&request, &sender) {
            return;
        }
        if let Err(why) = flow
            && self.lines.get(&line).is_some_and(|line| line.names.is_some())
        {
            self.judge.complain(format!("{}: {why}", request.method()));
        }
        let other = flow.ok().and_then(|id| self.flows.get(&id)).and_then(|flow| flow.other(&sender));
        let routed = flow.is_ok() || !request.has(name::ROUTE);
        let Some(key) = self.addressed(request.uri()).or(other).filter(|_| routed) else {
            return self.diagnose(line, &request, 481, 1004, "Route set is no longer valid");
        };
        self.fork(line, request, sender, vec![key]);
    }

    fn fork(&mut self, line: u64, request: Request, sender: Key, keys: Vec<Key>) {
        let invite = *request.method() == Method::INVITE;
        let id = self.fresh();
        let first = request.to().is_ok_and(|to| to.tag().is_none());
        let flow = (invite && first).then_some(id);
        if let Some(flow) = flow {
            self.flows.insert(flow, Flow { ends: (sender.clone(), None), routes: Vec::new() });
        }
        let mut branches = Vec::new();
        for key in keys {
            if let Some(line_to) = self.line_to(&key)
                && let Some(sent) = self.outgoing(&request, line, line_to, &key, (id, branches.len()), flow)
            {
                branches.push(Branch { key, line: line_to, sent, outcome: None, cancelled: false });
            }
        }
        if branches.is_empty() {
            return self.diagnose(line, &request, 480, 15030, "No endpoint of the user is signed in");
        }
        let sends: Vec<_> = branches.iter().map(|branch| (branch.line, branch.sent.clone())).collect();
        if invite {
            self.tell_progress(line, &request, sends.len());
        }
        if !request.method().is_unanswered() {
            self.calls.push_back(Call { id, line, sender, request, branches, flow, answered: None });
            let surplus = self.calls.len().saturating_sub(REMEMBERED);
            self.calls.drain(..surplus);
        }
        sends.into_iter().for_each(|(line, sent)| self.send(line, sent));
    }

    fn tell_progress(&mut self, line: u64, request: &Request, count: usize) {
        let trying = Response::build(request, 100).done();
        self.send(line, trying);
        let host = self.host();
        let why = format!(
            "13004;reason=\"Request was proxied to one or more registered endpoints\";source=\"{host}\";\
             Count=\"{count}\";appName=\"InboundRouting\""
        );
        let progress = self.reply(request, 101).header(name::MS_DIAGNOSTICS, why).done();
        self.send(line, progress);
    }

    /// An answer to what was forwarded goes back; answers to our own requests end here.
    pub(super) fn answered(&mut self, mut response: Response) {
        let Some((id, branch)) = response.via().ok().and_then(|via| place(via.branch()?)) else { return };
        let Ok(at) = self.calls.binary_search_by_key(&id, |call| call.id) else { return };
        let cancelled = response.cseq().is_ok_and(|cseq| cseq.method == Method::CANCEL);
        if cancelled || response.status() == 100 {
            return;
        }
        self.judge_answer(at, branch, &response);
        // Ours is the first of all, which may stand in one line.
        if let Some(place) = response.position(name::VIA) {
            let vias = response.elements(name::VIA).unwrap_or_default();
            response.remove(name::VIA);
            let rest = vias.iter().skip(1).rev();
            rest.for_each(|via| response.insert(place, Header::new(name::VIA, via)));
        }
        self.settle(at, branch, response);
    }

    fn judge_answer(&mut self, at: usize, branch: usize, response: &Response) {
        let Some(branch) = self.calls.get(at).and_then(|call| call.branches.get(branch)) else { return };
        let endpoint = self.users.get(&branch.key.0).and_then(|user| user.endpoint(branch.key.1));
        if let Some(endpoint) = endpoint.filter(|endpoint| endpoint.trusted.is_some()) {
            self.judge.answer(&branch.sent, response, Some(&endpoint.gruu));
        }
    }

    fn settle(&mut self, at: usize, branch: usize, response: Response) {
        let Some(call) = self.calls.get_mut(at) else { return };
        let invite = *call.request.method() == Method::INVITE;
        let Some(place) = call.branches.get_mut(branch) else { return };
        let key = place.key.clone();
        if response.is_provisional() {
            if call.answered.is_none() {
                self.back(at, response);
            }
            return;
        }
        place.outcome = Some(response.clone());
        if response.is_success() {
            // A second 200 goes back too: who called has to end that dialog.
            if let Some(flow) = call.flow.and_then(|flow| self.flows.get_mut(&flow)) {
                flow.ends.1 = Some(key);
            }
            if invite || call.answered.is_none() {
                call.answered = Some(response.status());
                self.back(at, response);
            }
            if invite {
                self.cancel_rest(at, Some("SIP;cause=200;text=\"Call completed elsewhere\""));
            }
            return;
        }
        if invite {
            self.acknowledge_refusal(at, branch, &response);
        }
        self.refused(at);
    }

    /// The ACK of a refusal goes from hop to hop.
    fn acknowledge_refusal(&mut self, at: usize, branch: usize, response: &Response) {
        let Some(branch) = self.calls.get(at).and_then(|call| call.branches.get(branch)) else { return };
        let (Some(to), line) = (response.get(name::TO), branch.line) else { return };
        let ack = hop(Method::ACK, &branch.sent, Some(to));
        if let Some(ack) = ack {
            self.send(line, ack);
        }
    }

    /// When every endpoint has refused, the best refusal goes back: a decline before all, then the lowest status.
    fn refused(&mut self, at: usize) {
        let Some(call) = self.calls.get_mut(at) else { return };
        if call.answered.is_some() || call.branches.iter().any(|branch| branch.outcome.is_none()) {
            return;
        }
        let outcomes = call.branches.iter().filter_map(|branch| branch.outcome.as_ref());
        let rank = |response: &&Response| match response.status() {
            status @ 600.. => status - 600,
            status => status,
        };
        let Some(best) = outcomes.min_by_key(rank).cloned() else { return };
        call.answered = Some(best.status());
        self.back(at, best);
    }

    fn back(&mut self, at: usize, response: Response) {
        let Some(call) = self.calls.get(at) else { return };
        let (line, sender) = (call.line, call.sender.clone());
        let line = if self.lines.contains_key(&line) { Some(line) } else { self.line_to(&sender) };
        let response = self.with_routes(at, response, line);
        if let Some(line) = line {
            self.send(line, response);
        }
    }

    /// Endpoints that have not answered stop ringing; why, if another has.
    fn cancel_rest(&mut self, at: usize, why: Option<&str>) {
        let Some(call) = self.calls.get_mut(at) else { return };
        let mut sends = Vec::new();
        for branch in call.branches.iter_mut().filter(|branch| branch.outcome.is_none() && !branch.cancelled)
        {
            branch.cancelled = true;
            if let Some(mut cancel) = hop(Method::CANCEL, &branch.sent, None) {
                why.iter().for_each(|why| cancel.push(name::REASON, *why));
                sends.push((branch.line, cancel));
            }
        }
        sends.into_iter().for_each(|(line, cancel)| self.send(line, cancel));
    }

    /// CANCEL by who called: everybody is told, and the call is answered here, since SIPE answers no CANCEL.
    pub(super) fn cancel(&mut self, line: u64, request: &Request) {
        let sender = self.sender(request);
        let at = self.calls.iter().rposition(|call| {
            Some(&call.sender) == sender.as_ref()
                && *call.request.method() == Method::INVITE
                && call.request.call_id() == request.call_id()
                && call.request.cseq().ok().map(|cseq| cseq.number)
                    == request.cseq().ok().map(|cseq| cseq.number)
        });
        let Some(at) = at else { return self.refuse(line, request, 481) };
        self.refuse(line, request, 200);
        self.cancel_rest(at, None);
        let Some(call) = self.calls.get_mut(at).filter(|call| call.answered.is_none()) else { return };
        call.answered = Some(487);
        let invite = call.request.clone();
        self.diagnose(line, &invite, 487, 5002, "Request was cancelled");
    }

    /// Answers for the endpoints whose connection is gone, or never was.
    pub(super) fn hung_up(&mut self, line: u64, status: u16) {
        for at in 0..self.calls.len() {
            let Some(call) = self.calls.get(at) else { return };
            let open = call
                .branches
                .iter()
                .enumerate()
                .filter(|(_, branch)| branch.line == line && branch.outcome.is_none());
            let open: Vec<_> = open.map(|(branch, _)| branch).collect();
            let answer = Response::build(&call.request, status).to_tag("gone").done();
            for branch in open {
                if let Some(branch) = self.calls.get_mut(at).and_then(|call| call.branches.get_mut(branch)) {
                    branch.outcome = Some(answer.clone());
                }
                self.refused(at);
            }
        }
    }
}

/// Call and branch of a Via of ours.
fn place(branch: &str) -> Option<(u64, usize)> {
    let (call, branch) = branch.strip_prefix("z9hG4bK")?.split_once('.')?;
    Some((call.parse().ok()?, branch.parse().ok()?))
}

/// ACK or CANCEL for the hop that a request of ours went.
fn hop(method: Method, sent: &Request, to: Option<&Header>) -> Option<Request> {
    let uri: Uri = sent.uri().clone();
    let number = sent.cseq().ok()?.number;
    let builder = Request::build(method, uri)
        .raw(sent.get(name::VIA)?.clone())
        .raw(sent.get(name::FROM)?.clone())
        .raw(to.or_else(|| sent.get(name::TO))?.clone())
        .raw(sent.get(name::CALL_ID)?.clone())
        .cseq(number)
        .header(name::MAX_FORWARDS, "70");
    Some(builder.done())
}
