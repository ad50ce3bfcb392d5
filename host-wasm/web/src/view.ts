// What main.ts and the views know of each other.

/** A view works only while it is shown. */
export interface View {
  show(): void;
  hide(): void;
}
