export default { inner: 1 }; export const named = 2;
