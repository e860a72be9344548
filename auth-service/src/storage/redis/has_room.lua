-- Whether there is room for one session more. KEYS: the hash of its user's sessions.
return is_nearly_full() and 0 or 1
