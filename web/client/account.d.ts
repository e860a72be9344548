import type { Account, Flow, PasskeyProof, Session } from "./client.js";

/**
 * The calls that account pages need beside the session's own. All of them reject with `SessionEnded`, `NotNow` or `Refused`, as the
 * session does; those that change how the account is protected with `AuthenticationInsufficient` if the user has shown nothing for some
 * minutes.
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

  /** Keeps the factors that an administrator wants removed (`reset_due_at`). */
  keepFactors(): Promise<void>;
  /** What the user can show. */
  factors(): Promise<Factors>;
  /** Begins with an authenticator app: show the picture or the secret, then `confirmTotp`. `Refused`: `totp_exists`. */
  beginTotp(): Promise<{ readonly secret: string; readonly otpauth_uri: string; readonly qr_code: QrCode }>;
  /** The first code of the app. The answer has recovery codes, this once, unless the user has some. `Refused`: `code_wrong`. */
  confirmTotp(shown: { code: string }): Promise<{ readonly recovery_codes?: readonly string[] }>;
  removeTotp(): Promise<void>;
  /** New recovery codes, shown this once. Those before are void. `Refused`: `no_second_factor`. */
  newRecoveryCodes(): Promise<{ readonly recovery_codes: readonly string[] }>;

  /** The user's passkeys, and what to tell `PublicKeyCredential.signalAllAcceptedCredentials`. */
  passkeys(): Promise<{ readonly passkeys: readonly Passkey[]; readonly accepted: AcceptedPasskeys }>;
  /** What to make a passkey with: `PublicKeyCredential.parseCreationOptionsFromJSON(public_key)`. */
  passkeyOptions(): Promise<{ readonly challenge_id: string; readonly public_key: object; readonly expires_in: number }>;
  /** The passkey that was made; the first one may come with recovery codes, shown this once. */
  addPasskey(made: PasskeyProof & { name?: string }): Promise<{ readonly passkey: Passkey; readonly recovery_codes?: readonly string[] }>;
  renamePasskey(id: string, name: string): Promise<unknown>;
  /** `Refused`: `last_way_in`. */
  removePasskey(id: string): Promise<void>;

  /** The browsers in which a login needs no second step. */
  trustedDevices(): Promise<{ readonly trusted_devices: readonly TrustedDevice[] }>;
  removeTrustedDevice(id: string): Promise<void>;

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

/** What a user can show, as `GET /auth/factors` says it. */
export interface Factors {
  readonly password: boolean;
  readonly totp: { readonly confirmed_at: string } | null;
  readonly passkeys: number;
  readonly recovery_codes_left: number;
  /** The user has to have a second factor, and has none yet. */
  readonly second_factor_needed: boolean;
  readonly reset_due_at?: string;
}

/** The modules of a QR code: the `d` of a path in a square of `size`, its quiet zone included. */
export interface QrCode {
  readonly size: number;
  readonly path: string;
}

export interface Passkey {
  readonly id: string;
  readonly name: string | null;
  readonly created_at: string;
  readonly last_used_at: string | null;
  /** Whether its provider keeps it on several devices. */
  readonly backed_up: boolean;
  /** Who keeps it, if that is known. */
  readonly provider: string | null;
}

export interface AcceptedPasskeys {
  readonly rp_id: string;
  readonly user_id: string;
  readonly credential_ids: readonly string[];
}

export interface TrustedDevice {
  readonly id: string;
  readonly created_at: string;
  readonly last_used_at: string;
  readonly expires_at: string;
  readonly ip: string;
  readonly user_agent: string;
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
