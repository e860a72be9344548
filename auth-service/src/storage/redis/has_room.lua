-- Whether there is room for another session. KEYS: the hash of its user's sessions.
return is_nearly_full() and 0 or 1
