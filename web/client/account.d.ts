import type { Account, Flow, Session } from "./client.js";

/**
 * The calls that account pages need beside the session's own. All of them reject with `SessionEnded`, `NotNow` or `Refused`, as the
 * session does.
 */
export declare function account(session: Session): AccountCalls;

export interface AccountCalls {
  /** Where the user is logged in, this session first, and the incidents that the user should know of. */
  sessions(): Promise<Sessions>;
  /** Ends one of the user's sessions; if it is this one, this client is logged out. One that is over already is no error. */
  endSession(id: string): Promise<void>;
  /** Ends the user's other sessions, one by one; the answer is how many. */
  endOthers(): Promise<number>;

  /** All other sessions end. `Refused`: `wrong_password`, `weak_password`, `password_breached`. */
  changePassword(change: { current: string; new: string }): Promise<void>;
  /** Deletes the account, and logs out in all tabs. `Refused`: `wrong_password`, `last_admin`. */
  deleteAccount(confirmation: { password: string }): Promise<void>;

  /** Sends a code to the new address: bring it back with `session.confirm`. Until then the old address stays. */
  changeEmail(change: { new: string; password: string; language?: string }): Promise<Flow>;
  /** Sends a code to the current address. */
  verifyEmail(options?: { language?: string }): Promise<Flow>;
  /** Sends a code to a second address, for notices. Nobody logs in with it. */
  setSecondEmail(change: { new: string; password: string; language?: string }): Promise<Flow>;
  removeSecondEmail(confirmation: { password: string }): Promise<void>;

  /** Everything that auth-service knows of the user, as one document. */
  exportData(): Promise<Readonly<Record<string, unknown>>>;

  /** Without a session. The answer is the same whether or not there is an account. Then `session.resetPassword`. */
  forgotPassword(who: { email: string; language?: string }): Promise<Flow>;
  /** Without a session. The answer is the same whether or not there is an account. Then `session.confirm`. */
  loginCode(who: { email: string; language?: string }): Promise<Flow>;
}

export interface Sessions {
  readonly sessions: readonly Device[];
  /** The latest detected and suspected thefts of refresh tokens, newest first. */
  readonly incidents: readonly Incident[];
}

/** One login on one device. Times are RFC 3339. */
export interface Device {
  readonly id: string;
  readonly created_at: string;
  /** In steps of five minutes; of this session, the current minute. */
  readonly last_used_at: string;
  /** When it ends unless it is used again. */
  readonly expires_at: string;
  readonly ip: string;
  readonly user_agent: string;
  /** Whether it is the caller's own. */
  readonly current: boolean;
}

/** An event of the audit log, as `GET /auth/sessions` shows it. */
export interface Incident {
  readonly id: string;
  readonly at: string;
  /** What happened: `refresh_reuse`, `refresh_elsewhere`. */
  readonly action: string;
  readonly result: string;
  /** The session that it was about. */
  readonly session_id: string | null;
  readonly ip: string | null;
  readonly user_agent: string | null;
  /** Depends on `action`. */
  readonly details: Readonly<Record<string, unknown>>;
  readonly [more: string]: unknown;
}

export type { Account, Flow };
