//! Who may: Cedar policies, the engine, scopes and decisions.
