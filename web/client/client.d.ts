/**
 * Whether somebody is logged in at auth-service, and requests with the access token.
 *
 * The access token is in memory only, the refresh token in an `HttpOnly` cookie that no script can read. All functions can be taken
 * off the object (`const { fetch } = session`). What fails has one of three classes: {@link SessionEnded}, {@link NotNow} and
 * {@link Refused}, of which {@link AuthenticationInsufficient} is a kind of its own.
 */
export interface Session {
  /** What is known now. The same object until something changes, as `useSyncExternalStore` wants it. */
  readonly state: State;

  /**
   * Calls `listener` after each change, one listener after another, in the order of the changes; the answer unsubscribes.
   * What a listener throws is reported as an uncaught error, as by `reportError`. Listeners are called in microtasks: after the code that
   * caused the change, and before the page is painted again.
   */
  onChange(listener: (state: State, was: State) => void): () => void;

  /**
   * Resolves once it is known whether somebody is logged in. An outage does not reject: `state.reachable` is false meanwhile, and
   * the client goes on trying. Rejects with the reason of `signal`. On a server (no `location`) it does not settle.
   */
  ready(signal?: AbortSignal): Promise<State>;

  /**
   * An account if the service asks for no proof of the address (201). Otherwise (202) a code is on its way to the address: bring it
   * back with `confirm` and `flow`, from this browser. Nobody is logged in by it.
   * `language` (`en`, `uk`, `ru`) is that of the mail; default: the browser's.
   */
  register(who: { email: string; password: string; name?: string; language?: string }): Promise<Account | Flow>;

  /**
   * Logs in, in all tabs. Whoever was logged in before is logged out, and their pending requests reject with `SessionEnded`.
   * A wrong password is `Refused` with the code `invalid_credentials`. If another `login`, or `logout`, is called before the answer, this one
   * rejects with `SessionEnded`, and its answer changes nothing.
   *
   * For a user with a second factor it is `Refused` with the code `second_factor_required` ({@link SecondFactorRequired}): go on with
   * `loginSecondFactor`. So may `confirm` and `resetPassword` be.
   */
  login(who: { email: string; password: string }): Promise<State>;

  /**
   * The second step of a login: the token of the first, and one thing that shows who it is. `Refused`: `invalid_second_factor` (ask
   * again), `second_factor_expired` (begin with the password). With `trust_device`, later logins in this browser need no second step.
   */
  loginSecondFactor(
    what: { second_factor_token: string; trust_device?: boolean } & ({ totp: string } | { recovery_code: string } | { passkey: PasskeyProof }),
  ): Promise<State>;

  /**
   * Logs in with a passkey that was asked for with the options of `post('/auth/login/passkey/options')`. `Refused`:
   * `passkey_unknown` (tell `PublicKeyCredential.signalUnknownCredential`), `challenge_expired` (ask for new options).
   */
  loginPasskey(what: PasskeyProof): Promise<State>;

  /**
   * What cures `AuthenticationInsufficient`: the user shows who they are once more, with one or several of these. The calls that follow
   * have a token that says so, for some minutes: until it is refreshed. Nothing else changes, and other tabs do not have it. `Refused` if
   * something of it was wrong; what can be asked for is in the answer of `GET /auth/factors`.
   */
  reauthenticate(credentials: {
    password?: string;
    totp?: string;
    recovery_code?: string;
    passkey?: PasskeyProof;
  }): Promise<void>;

  /**
   * Brings back the code of a mail (`POST /auth/confirm`). If the answer has tokens (registration, invitation, login by code), this
   * client is logged in by it; otherwise (an address was verified or changed) the state stays as it is.
   * `password` and `name` accept an invitation.
   */
  confirm(what: { flow: string; code: string; password?: string; name?: string }): Promise<State>;

  /** Sets a new password with the code of a mail. Logged in by it if the mail was asked for in this browser. */
  resetPassword(what: { flow: string; code: string; new: string }): Promise<State>;

  /**
   * Logged out here and in all tabs at once, before any request. Resolves after the first attempt to tell the server, and never
   * rejects: offline, the server is told as soon as it answers, also after a reload.
   */
  logout(): Promise<void>;

  /** Ends all of the user's sessions. If it rejects, no answer came, and they may have ended or not. */
  logoutEverywhere(): Promise<void>;

  /** The current user, asked for anew each time. */
  user(): Promise<Account>;

  /**
   * `fetch` with the access token, for the page's origin, auth-service's, and `origins`; other requests pass through unchanged.
   * A 401 that names the token (`WWW-Authenticate` with `invalid_token`; if CORS hides the header, any) causes one refresh and
   * one repetition, unless `init.body` is a stream, or somebody else is logged in by then. A logout, or a switch to another
   * session, aborts what is pending. All other answers, the 401 that asks for a newer proof of who the user is
   * (`WWW-Authenticate` with `insufficient_user_authentication`) among them, and the network errors of the request itself, are those of `fetch`. If there is no token to be had it rejects with `SessionEnded`, `NotNow` or `Refused`.
   */
  fetch(input: RequestInfo | URL, init?: RequestInit): Promise<Response>;

  /**
   * The access token, for what is not a `fetch` (WebSocket). It is good for at least `minValidity` seconds (10; less if tokens live
   * for less than 20), if tokens live that long at all. Do not store it.
   */
  accessToken(options?: { minValidity?: number; signal?: AbortSignal }): Promise<string>;

  /**
   * Any other call of auth-service with the access token, by its path: the JSON of its answer, `{}` for a 202 or 204 without a body.
   * `SessionEnded`, `NotNow` or `Refused` otherwise; `AuthenticationInsufficient` causes no refresh. A member `language` of `body` is sent as `Accept-Language`, and not in the body.
   */
  call<Answer = unknown>(method: string, path: string, body?: object): Promise<Answer>;

  /** The same, without the access token, by `POST`: for those who are not logged in. */
  post<Answer = unknown>(path: string, body?: object): Promise<Answer>;

  /** Forgets this object's listeners. The last object of a `url` also takes away the timer and the listeners of the page. */
  close(): void;
  /** The same as `close`, for `using`. */
  [Symbol.dispose](): void;
}

export interface State {
  /** `unknown` until auth-service has answered once. */
  readonly phase: "unknown" | "in" | "out";
  /** The session's public id, while somebody is logged in. */
  readonly sessionId: string | null;
  /** False after a refresh (or a logout) that auth-service could not carry out, until one succeeds. Says nothing about being logged in. */
  readonly reachable: boolean;
  /** Why the state changed last. */
  readonly reason: Reason;
}

export type Reason =
  /** Nothing is known yet. */
  | "start"
  /** Logged in, here or in another tab. */
  | "login"
  /** A session was found: after a reload, or begun by another application of the same site. */
  | "restored"
  /** Another session than before: show nothing of the previous user. */
  | "switched"
  /** Logged out here. */
  | "logout"
  /** Logged out in another tab. */
  | "logout-elsewhere"
  /** auth-service's code, as sent, when it says that there is no session. */
  | "session_ended"
  | "refresh_reused"
  | "invalid_refresh_token"
  /** auth-service cannot be reached, or can be again; nothing else has changed. */
  | "unreachable"
  | "reachable";

/** A user, as `GET /auth/me` shows it. The answer of `register` has no more than the four first members. */
export interface Account {
  readonly id: string;
  readonly email: string;
  readonly name: string | null;
  readonly roles: readonly string[];
  /** Tells an account from a `Flow`. */
  readonly flow?: never;
  readonly [more: string]: unknown;
}

/** A passkey's answer to a challenge: `toJSON()` of what `navigator.credentials.get` gave. */
export interface PasskeyProof {
  readonly challenge_id: string;
  readonly credential: object;
}

/** A code is on its way by mail. */
export interface Flow {
  /** Names the flow, for `confirm` or `resetPassword`. Not a secret. */
  readonly flow: string;
  /** How long the code is good, in seconds. */
  readonly expires_in: number;
}

/** RFC 9457, as auth-service sends it. */
export interface Problem {
  readonly type: string;
  readonly title: string;
  readonly status: number;
  /** The one member to decide by. */
  readonly code: string;
  /** For people; may change. */
  readonly detail: string;
  readonly [more: string]: unknown;
}

/** The `problem` of a login that needs a second step. */
export interface SecondFactorRequired extends Problem {
  readonly code: "second_factor_required";
  /** Begins the second step. Good in this browser only. */
  readonly second_factor_token: string;
  /** What the user has. */
  readonly methods: readonly ("totp" | "recovery_code" | "passkey")[];
  /** How long the token is good, in seconds. */
  readonly expires_in: number;
}

/** Nobody is logged in any more, or somebody else is: show the login. The only error that means so. */
export declare class SessionEnded extends Error {
  readonly name: "SessionEnded";
  /** The `reason` of the state, `switched` in particular. */
  readonly code: Reason | (string & {});
  constructor(facts: { code: string });
}

/** No answer, 429 or 5xx, or one that is not auth-service's: nothing has changed, try again later. */
export declare class NotNow extends Error {
  readonly name: "NotNow";
  /** Seconds, if the answer says so. */
  readonly retryAfter: number | null;
  /** `null` if there was no answer. */
  readonly status: number | null;
  /** The problem's code (`too_many_attempts`), if there was one. */
  readonly code: string | null;
  constructor(facts: { status: number | null; retryAfter: number | null; code: string | null });
}

/** Understood and refused: repeating it as it is does not help. */
export declare class Refused extends Error {
  readonly name: "Refused" | "AuthenticationInsufficient";
  readonly problem: Problem;
  constructor(facts: { problem: Problem });
}

/**
 * The user is logged in, and has to show who they are once more before this call (RFC 9470): `reauthenticate`, then repeat it. No refresh
 * helps, and nobody was logged out.
 */
export declare class AuthenticationInsufficient extends Refused {
  readonly name: "AuthenticationInsufficient";
  /** How it must be shown, any of these (`2`: two factors, `phr`: a passkey); empty if that suffices already. */
  readonly acrValues: readonly string[];
  /** How many seconds old it may be; `null` if that is not what is lacking. */
  readonly maxAge: number | null;
  constructor(facts: { problem: Problem; acrValues: readonly string[]; maxAge: number | null });
}

export interface Options {
  /**
   * auth-service's public URL. Default: the origin that this module was loaded from. Some bundlers (webpack) put a path of the machine that builds in
   * place of that: there, say `location.origin`, or where auth-service is.
   */
  url?: string | URL;
  /** Origins that are sent the access token, beside the page's and that of `url`. */
  origins?: readonly string[];
  /** After how many milliseconds a request to auth-service is given up: half of `AUTH_REPLAY_WINDOW` at most. Default 5000. */
  timeout?: number;
  /** Refresh ahead of expiry while the page is visible. Default true; with false, when a request needs it. */
  keepFresh?: boolean;
  /** What to use in place of `globalThis`: for tests. */
  env?: Environment;
}

/** The part of `globalThis` that the client uses. Without `location` it is taken for a server, and nothing is asked. */
export interface Environment {
  fetch: typeof globalThis.fetch;
  setTimeout(callback: () => void, ms: number): unknown;
  clearTimeout(timer: unknown): void;
  performance: { now(): number };
  Date: { now(): number };
  Math: { random(): number };
  AbortSignal: { timeout(ms: number): AbortSignal };
  location?: { readonly origin: string };
  document?: object;
  navigator?: object;
  localStorage?: object;
  BroadcastChannel?: new (name: string) => object;
  addEventListener(type: string, listener: (event: Event) => void, options?: object): void;
}

/**
 * Begins at once to find out whether somebody is logged in. Sessions with the same `url` in a page share one state, one timer, and
 * the other options of the first. The import itself does nothing, and no global is replaced, ever.
 */
export declare function createSession(options?: Options): Session;
