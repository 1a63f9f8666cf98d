"""The engine: joins the stages by bounded channels and sees a run through."""
